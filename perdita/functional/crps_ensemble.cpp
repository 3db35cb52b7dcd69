// Continuous ranked probability score of ensembles on tensors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"

namespace perdita::detail {

namespace {

/// For each member, the number of members of its row below it minus the number of those above it: half the derivative
/// of the sum of |x_i - x_j| over all pairs. 0 for members that are not finite.
template <class T>
Tensor differences_of_ranks(const Tensor& members) {
  const Tensor given = members.detach().contiguous();
  const std::int64_t rows = given.size(0), count = given.size(1);
  Tensor result = Tensor::empty(given.shape(), given.dtype());
  const T* const from = given.data<T>();
  T* const to = result.mutable_data<T>();
  perdita::parallel_for(rows, [&](std::int64_t row) {
    const T* const x = from + row * count;
    T* const out = to + row * count;
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto present =
        std::partition(order.begin(), order.end(), [&](std::int64_t i) { return std::isfinite(x[i]); });
    for (auto i = present; i != order.end(); ++i) out[*i] = 0;
    std::sort(order.begin(), present, [&](std::int64_t a, std::int64_t b) { return x[a] < x[b]; });
    for (auto first = order.begin(); first != present;) {
      const auto last = std::find_if(first, present, [&](std::int64_t i) { return x[i] != x[*first]; });
      const auto below = first - order.begin(), above = present - last;
      for (; first != last; ++first) out[*first] = static_cast<T>(below - above);
    }
  });
  return result;
}

}  // namespace

Tensor own_call(const char* function, const CrpsEnsemble& loss, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[1]);
  const Tensor members = loss_operand(function, "input", *x[0], dtype),
               target = loss_operand(function, "target", *x[1], dtype);
  const std::int64_t least = loss.fair ? 2 : 1;
  if (members.rank() != 2 || members.size(1) < least) {
    fail<ShapeError>("{}: input has shape {} (valid: [N, M] with M at least {})", function, members.shape(), least);
  }
  if (target.shape() != Shape{members.size(0)}) {
    fail<ShapeError>("{}: target has shape {}, but input has {} rows (valid: [{}])", function, target.shape(),
                     members.size(0), members.size(0));
  }
  // Differences from the target, which are of the size of the result: those of ranks sum to 0.
  const Tensor r = members - target.unsqueeze(1);
  const Tensor ranks = visit_floating(dtype, function, [&]<class T>() { return differences_of_ranks<T>(r); });
  const auto m = static_cast<double>(members.size(1));
  // Divided before they are added, so that sums do not overflow. Members that are not finite have the rank 0.
  const Tensor finite = select(abs(r) < std::numeric_limits<double>::infinity(), r, 0.0);
  const Tensor shares = ranks / (loss.fair ? m * (m - 1) : m * m);
  const Tensor losses = sum(abs(r) / m - shares * finite, 1);
  return reduce_losses(function, losses, options, Normalize::count);
}

}  // namespace perdita::detail
