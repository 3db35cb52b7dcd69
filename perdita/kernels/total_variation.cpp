#include "perdita/kernels/total_variation.hpp"

#include <algorithm>
#include <vector>

#include "perdita/core/parallel.hpp"
#include "perdita/kernels/channels.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// The differences of the pixels of a row from their neighbors, and the terms of the sum. Each has space for whole
/// packs. Derivatives replace the differences.
struct RowDifferences {
  double *right, *below, *terms;
};

template <class P>
PERDITA_INLINE P sign(const P& x) {
  return select(x == 0.0, P(0.0), select(x == x, copy_sign(P(1.0), x), x));
}

struct VariationKernel {
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, RowDifferences d, std::int64_t count, Variation variation,
                                 double eps) const {
    using P = typename AnyTarget::template pack<double>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P x = P::load(d.right + i), y = P::load(d.below + i);
      if (variation == Variation::absolute) {
        (abs(x) + abs(y)).store(d.terms + i);
        sign(x).store(d.right + i);
        sign(y).store(d.below + i);
      } else if (variation == Variation::squared) {
        (x * x + y * y).store(d.terms + i);
        (2.0 * x).store(d.right + i);
        (2.0 * y).store(d.below + i);
      } else {
        const P root = sqrt(x * x + y * y + eps);
        root.store(d.terms + i);
        (x / root).store(d.right + i);
        (y / root).store(d.below + i);
      }
    }
  }
};

struct VariationSumKernel {
  template <class AnyTarget>
  PERDITA_INLINE double operator()(AnyTarget, const double* terms, std::int64_t count) const {
    using P = typename AnyTarget::template pack<double>;
    P sum(0.0);
    for (std::int64_t i = 0; i < count; i += P::lanes) sum = sum + P::load(terms + i);
    return horizontal_sum(sum);
  }
};

/// One channel of an image: its variation, and the gradient of `factor` times it unless `gradient` is null.
template <class T>
double variation_of(const TotalVariationTask<T>& task, const T* pixels, double factor, T* gradient) {
  const std::int64_t width = task.width;
  const auto size = static_cast<std::size_t>(width + most_lanes);
  std::vector<double> right(size), below(size), above(size), terms(size);
  double total = 0;
  for (std::int64_t row = 0; row < task.height; ++row) {
    const T* const x = pixels + row * width;
    const bool is_last = row + 1 == task.height;
    for (std::int64_t c = 0; c < width; ++c) {
      const double here = static_cast<double>(x[c]);
      const auto at = static_cast<std::size_t>(c);
      right[at] = c + 1 < width ? static_cast<double>(x[c + 1]) - here : 0.0;
      below[at] = is_last ? 0.0 : static_cast<double>(x[width + c]) - here;
    }
    run(VariationKernel{}, RowDifferences{right.data(), below.data(), terms.data()}, width, task.variation, task.eps);
    std::fill(terms.begin() + width, terms.end(), 0.0);
    total += run(VariationSumKernel{}, std::as_const(terms).data(), width);
    if (!gradient) continue;
    T* const slopes = gradient + row * width;
    for (std::int64_t c = 0; c < width; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const double from_left = c > 0 ? right[at - 1] : 0.0;
      slopes[c] = static_cast<T>(factor * (from_left - right[at] + above[at] - below[at]));
    }
    std::swap(above, below);
  }
  return total;
}

}  // namespace

template <class T>
void total_variation_loss(const TotalVariationTask<T>& task) {
  const std::int64_t size = task.height * task.width;
  std::vector<double> losses(static_cast<std::size_t>(task.images * task.channels));
  parallel_for(std::ssize(losses), [&](std::int64_t i) {
    const double factor = task.coefficients[i / task.channels];
    const bool is_used = task.gradient && factor != 0;
    losses[static_cast<std::size_t>(i)] =
        variation_of(task, task.input + i * size, factor, is_used ? task.gradient + i * size : nullptr);
    if (task.gradient && !is_used) std::fill_n(task.gradient + i * size, size, T(0));
  });
  sum_channels(losses, task.channels, task.losses);
}

template void total_variation_loss(const TotalVariationTask<float>&);
template void total_variation_loss(const TotalVariationTask<double>&);

}  // namespace perdita::kernels
