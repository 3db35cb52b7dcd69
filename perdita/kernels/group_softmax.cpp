#include "perdita/kernels/group_softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "perdita/core/parallel.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// Groups that one thread takes at a time: a group may be a few documents only.
constexpr std::int64_t groups_per_item = 256;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Largest number of a group, and the sum of its shifted exponentials.
struct Softmax {
  double largest;
  double sum;  ///< of exp((x - largest) / temperature)

  double log_sum(double temperature) const { return largest / temperature + std::log(sum); }
};

struct GroupSoftmaxKernel {
  /// The groups [first, last). `scratch` has room for three times the documents of a group.
  template <class AnyTarget, class T, class R>
  PERDITA_INLINE void operator()(AnyTarget, const GroupSoftmaxTask<T, R>* task, std::int64_t first, std::int64_t last,
                                 double* scratch, std::int64_t room) const {
    using P = typename AnyTarget::template pack<double>;
    double *const x = scratch, *const e = scratch + room, *const w = scratch + 2 * room;
    for (std::int64_t g = first; g < last; ++g) {
      const std::int64_t begin = task->begins[static_cast<std::size_t>(g)];
      const std::int64_t count = task->begins[static_cast<std::size_t>(g) + 1] - begin;
      task->losses[g] = 0;
      if (count == 0) continue;
      const std::int64_t filled = (count + P::lanes - 1) / P::lanes * P::lanes;
      for (std::int64_t i = 0; i < count; ++i) x[i] = static_cast<double>(task->scores[begin + i]);
      for (std::int64_t i = 0; i < count; ++i) w[i] = static_cast<double>(task->relevance[begin + i]);
      std::fill(x + count, x + filled, -infinity);
      std::fill(w + count, w + filled, task->targets == GroupTargets::softmax ? -infinity : 0.0);
      find_targets<P>(task->targets, w, e, filled);
      const Softmax scores = softmax<P>(x, e, filled, task->temperature);
      const double log_sum = scores.log_sum(task->temperature);

      P loss(0.0), total(0.0);
      for (std::int64_t i = 0; i < filled; i += P::lanes) {
        const P target = P::load(w + i);
        loss = loss + zero_unless(target != 0.0, target * (log_sum - P::load(x + i) / task->temperature));
        total = total + target;
      }
      task->losses[g] = horizontal_sum(loss);
      if (!task->gradient) continue;
      if (task->coefficients[g] == 0) {  // 0 times a derivative, even an infinite one
        std::fill_n(task->gradient + begin, count, T(0));
        continue;
      }
      const double factor = task->coefficients[g] / task->temperature;
      const double scale = horizontal_sum(total) / scores.sum;
      for (std::int64_t i = 0; i < filled; i += P::lanes)
        (factor * (scale * P::load(e + i) - P::load(w + i))).store(e + i);
      for (std::int64_t i = 0; i < count; ++i) task->gradient[begin + i] = static_cast<T>(e[i]);
    }
  }

 private:
  /// Writes exp((x - largest) / temperature).
  template <class P>
  static PERDITA_INLINE Softmax softmax(const double* x, double* exponentials, std::int64_t filled,
                                        double temperature) {
    P largest(-infinity), sum(0.0);
    for (std::int64_t i = 0; i < filled; i += P::lanes) largest = max(P::load(x + i), largest);
    double lanes[most_lanes];
    largest.store(lanes);
    // A NaN stays one: the sum shows it.
    const double m = *std::max_element(lanes, lanes + P::lanes);
    for (std::int64_t i = 0; i < filled; i += P::lanes) {
      const P e = perdita::detail::exp_of_difference((P::load(x + i) - m) / temperature);
      e.store(exponentials + i);
      sum = sum + e;
    }
    return {m, horizontal_sum(sum)};
  }

  /// Replaces the relevance w by the targets.
  template <class P>
  static PERDITA_INLINE void find_targets(GroupTargets how, double* w, double* scratch, std::int64_t filled) {
    if (how == GroupTargets::plain) return;
    double divisor = 0;
    if (how == GroupTargets::softmax) {
      divisor = softmax<P>(w, scratch, filled, 1).sum;
      std::copy_n(scratch, filled, w);
    } else {
      P sum(0.0);
      for (std::int64_t i = 0; i < filled; i += P::lanes) sum = sum + P::load(w + i);
      divisor = horizontal_sum(sum);
      if (!(divisor > 0)) return;
    }
    for (std::int64_t i = 0; i < filled; i += P::lanes) (P::load(w + i) / divisor).store(w + i);
  }
};

template <class T, class R>
void compute(const GroupSoftmaxTask<T, R>& task) {
  const auto count = static_cast<std::int64_t>(task.begins.size()) - 1;
  std::int64_t longest = 0;
  for (std::size_t g = 0; g + 1 < task.begins.size(); ++g)
    longest = std::max(longest, task.begins[g + 1] - task.begins[g]);
  const std::int64_t room = longest + most_lanes;
  parallel_for((count + groups_per_item - 1) / groups_per_item, [&](std::int64_t item) {
    std::vector<double> scratch(static_cast<std::size_t>(3 * room));
    const std::int64_t first = item * groups_per_item, last = std::min(count, first + groups_per_item);
    run(GroupSoftmaxKernel{}, &task, first, last, scratch.data(), room);
  });
}

}  // namespace

void group_softmax_loss(const GroupSoftmaxTask<float, float>& task) { compute(task); }
void group_softmax_loss(const GroupSoftmaxTask<float, double>& task) { compute(task); }
void group_softmax_loss(const GroupSoftmaxTask<double, float>& task) { compute(task); }
void group_softmax_loss(const GroupSoftmaxTask<double, double>& task) { compute(task); }

}  // namespace perdita::kernels
