#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy with a different weight for the first term of its series in (1 - p).
struct Poly1 {
  static constexpr LossInfo info{
      .name = "poly_1",
      .torch_name = "",
      .family = Family::softmax,
      .operands = class_operands,
      .unit = Unit::row,
      .summary = "-log p + eps (1 - p) of the true class, p = softmax(logits).",
      .traits = Trait::smooth | Trait::lipschitz | Trait::never_negative,
      .use_when = "cross-entropy works and a small improvement is needed: eps is the only parameter to tune",
      .avoid_when = "eps cannot be chosen with a validation set",
      .source =
          "Leng, Tan, Liu, Cubuk, Shi, Cheng and Anguelov, PolyLoss: a polynomial expansion perspective of "
          "classification loss functions, ICLR 2022, eq. 4",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Poly1::eps>("eps", "weight of 1 - p; 0 is cross-entropy", Interval{.low = -1})};
  }

  double eps = 1.0;

  // 1 - p = -expm1(log p) does not cancel.
  auto operator()(auto log_p, auto t) const { return share_of(t, -(log_p + eps * expm1(log_p))); }
};

}  // namespace perdita
