#pragma once

#include <array>
#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/losses/softmax/class_frequency.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy of logits to which tau times the logarithm of the class's share is added. At tau = 1 it is
/// balanced_softmax.
struct LogitAdjusted {
  static constexpr LossInfo info{
      .name = "logit_adjusted",
      .torch_name = "",
      .family = Family::softmax,
      .operands = counted_class_operands,
      .unit = Unit::row,
      .summary = "cross_entropy of y_k + tau log(share of class k in training).",
      .variables = "log_p: log-softmax of y_k + tau log(share of class k), t: target",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes differ in size, and balanced_softmax favours the rare ones too little or too much: tau sets the "
          "strength",
      .avoid_when = "the shares of the classes are the same in use as in training: cross_entropy learns them",
      .source =
          "Menon, Jayasumana, Rawat, Jain, Veit and Kumar, Long-tail learning via logit adjustment, ICLR 2021, eq. 10",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&LogitAdjusted::tau>(
        "tau", "strength of the adjustment; 0 is cross_entropy, 1 is balanced_softmax", non_negative)};
  }

  double tau = 1.0;

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }

  template <class Number>
  Number shift(const ClassFrequency<Number>& of_class) const {
    using std::log;
    return tau == 0 ? Number(0.0) : tau * log(of_class.count / of_class.total);
  }
};

}  // namespace perdita
