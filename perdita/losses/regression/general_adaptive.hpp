#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// A family of robust losses: squared error, pseudo-Huber, Cauchy, Geman-McClure and Welsch are members.
struct GeneralAdaptive {
  static constexpr LossInfo info{
      .name = "general_adaptive",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary =
          "(b / alpha) ((1 + q / b)^(alpha / 2) - 1), where q = ((y - t) / c)^2 and b = |alpha - 2|. alpha = 2: half "
          "of q; 1: pseudo-Huber; 0: Cauchy, log(1 + q / 2); -2: Geman-McClure; -inf: Welsch, 1 - exp(-q / 2).",
      .traits = Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when =
          "the best robustness to outliers is unknown and alpha is a hyperparameter: the smaller alpha, the smaller "
          "the influence of large errors",
      .avoid_when =
          "the loss must be convex (alpha below 1 is not), or one member of the family is known to be right (see "
          "huber, pseudo_huber, mse, which are faster)",
      .source = "Barron, A general and adaptive robust loss function, CVPR 2019, eq. 8",
      .differences =
          "exact for every alpha; the author's code and its ports replace alpha near 0 and 2 by numbers 1e-7 to "
          "1e-5 away from them"};
  static constexpr auto parameters() {
    return std::array{parameter<&GeneralAdaptive::alpha>(
                          "alpha", "shape: 2 is the squared error, smaller is more robust", reals, Infinite::allowed),
                      parameter<&GeneralAdaptive::c>("c", "absolute error around which the loss stops being quadratic",
                                                     Interval{.low = 1e-15, .high = 1e15})};
  }

  double alpha = 1.0;
  double c = 1.0;

  // expm1 and log1p keep the limits at alpha = 0 and 2 exact to rounding, so that only these points themselves need
  // other formulas. An error that cannot be squared has the logarithm of the square alone.
  auto operator()(auto y, auto t) const {
    const auto x = (y - t) * (1.0 / c);
    if (alpha == 2.0) return 0.5 * x * x;
    if (std::isinf(alpha)) return exponential(x);
    const double b = alpha == 0.0 ? 2.0 : std::abs(alpha - 2.0);
    const auto logarithm = log_of_one_and_square(x * (1.0 / std::sqrt(b)));
    if (alpha == 0.0) return logarithm;
    return (b / alpha) * expm1((0.5 * alpha) * logarithm);
  }

 private:
  // The limits of alpha. Welsch's loss is 1, with derivative 0, long before x^2 overflows.
  auto exponential(auto x) const {
    if (alpha > 0) return expm1(0.5 * x * x);
    if constexpr (detail::is_symbol<decltype(x)>) {
      return -expm1(-0.5 * x * x);
    } else {
      const auto near = clamp_max(clamp_min(x, -1e3), 1e3);
      return -expm1(-0.5 * near * near);
    }
  }

  /// log(1 + u^2).
  static auto log_of_one_and_square(auto u) {
    if constexpr (detail::is_symbol<decltype(u)>)
      return log1p(u * u);
    else
      return select(abs(u) > 1e15, 2.0 * log(abs(u)), log1p(u * u));
  }
};

}  // namespace perdita
