// Losses of masks on spans of logits and targets: the value is returned, the gradient written.
//
//     double v = value_and_gradient(Dice{}, logits, targets, height * width, gradient);
#pragma once

#include <span>
#include <vector>

#include "perdita/kernels/overlap.hpp"
#include "perdita/losses/list.hpp"
#include "perdita/losses/parameter_range.hpp"
#include "perdita/losses/span/elements.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/functions.hpp"

namespace perdita {

/// A loss of a mask's sums.
template <class Loss>
concept LossOfSums = ListedMask<Loss> && requires(const Loss& loss, Pack<double, 1> x) {
  loss(x, x, x);
};

namespace detail {

/// The loss of a mask; replaces the sums by scale * its derivatives with respect to them.
template <class Loss>
double replace_by_slopes(const Loss& loss, kernels::OverlapSums& sums, double scale) {
  using P = Pack<double, 1>;
  const Dual<P> tp{P(sums.tp), P(1.0)}, fp{P(sums.fp), P(1.0)}, fn{P(sums.fn), P(1.0)};
  const P a(sums.tp), b(sums.fp), c(sums.fn);
  sums = {scale * loss(tp, b, c).d[0], scale * loss(a, fp, c).d[0], scale * loss(a, b, fn).d[0]};
  return loss(a, b, c)[0];
}

}  // namespace detail

/// The reduced loss of masks of `pixels` pixels each (with loss.batch of all as one mask), and its derivative with
/// respect to each logit. Targets are 0..1, or loss.ignore_index. The gradient may be the logits or the targets
/// themselves. Throws ShapeError; ValueError for a target outside its domain, and for memory that overlaps otherwise.
template <LossOfSums Loss, class Logits, class Targets, class Gradient>
double value_and_gradient(const Loss& loss, const Logits& logits, const Targets& targets, std::size_t pixels,
                          Gradient&& gradient, Reduction reduction = Reduction::mean) {
  using T = detail::ElementOf<const Logits>;
  const std::span<const T> y(logits), t(targets);
  const std::span<T> out(gradient);
  check_parameters(loss);
  detail::check_sizes<T>("value_and_gradient", y, t, out, "gradient");
  detail::check_overlap("value_and_gradient", out, "gradient", y, t);
  if (pixels == 0 || y.size() % pixels != 0) {
    fail<ShapeError>(
        "value_and_gradient: masks of {} pixels in {} elements (valid: a multiple of the number of pixels)", pixels,
        y.size());
  }
  const std::size_t masks = loss.batch ? 1 : y.size() / pixels;
  bool squared = false;
  if constexpr (requires { loss.squared; }) squared = loss.squared;
  const kernels::OverlapTask<T> task{.logits = y.data(),
                                     .layout = {.outer = static_cast<std::int64_t>(masks),
                                                .inner = static_cast<std::int64_t>(loss.batch ? y.size() : pixels)},
                                     .targets = t.data(),
                                     .ignored = static_cast<double>(loss.ignore_index),
                                     .squared = squared};
  std::vector<kernels::OverlapSums> sums(masks);
  if (!kernels::overlap_sums(task, sums.data())) {
    const auto is_valid = [&](T x) { return probabilities.contains(x) || x == static_cast<T>(loss.ignore_index); };
    std::size_t bad = 0;
    while (is_valid(t[bad])) ++bad;
    fail<ValueError>("value_and_gradient: target[{}] is {} (valid: 0..1, or ignore_index {})", bad, t[bad],
                     loss.ignore_index);
  }
  const double divisor = detail::denominator("value_and_gradient", reduction, masks);
  double total = 0;
  for (kernels::OverlapSums& mask : sums) total += detail::replace_by_slopes(loss, mask, 1 / divisor);
  kernels::overlap_gradient(task, sums.data(), out.data());
  return total / divisor;
}

}  // namespace perdita
