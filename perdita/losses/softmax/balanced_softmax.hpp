#pragma once

#include <cmath>

#include "perdita/losses/info.hpp"
#include "perdita/losses/softmax/class_frequency.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy whose softmax weights every class by its frequency in training, so that the network learns the classes
/// as if all were equally frequent.
struct BalancedSoftmax {
  static constexpr LossInfo info{
      .name = "balanced_softmax",
      .torch_name = "",
      .family = Family::softmax,
      .operands = counted_class_operands,
      .unit = Unit::row,
      .summary =
          "-log(n_k exp(y_k) / sum_j n_j exp(y_j)) of the true class k, where n_j is the number of training samples of "
          "class j.",
      .variables = "log_p: log-softmax of y_k + log n_k, t: target",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "classes differ in size and all should be predicted equally well, because they are equally frequent (or "
          "equally important) where the model is used",
      .avoid_when = "the shares of the classes are the same in use as in training: cross_entropy learns them",
      .source =
          "Ren, Yu, Sheng, Ma, Zhao, Yi and Li, Balanced meta-softmax for long-tailed visual recognition, NeurIPS "
          "2020, eq. 4",
      .differences = ""};

  auto operator()(auto log_p, auto t) const { return share_of(t, -log_p); }

  template <class Number>
  Number shift(const ClassFrequency<Number>& of_class) const {
    using std::log;
    return log(of_class.count);
  }
};

}  // namespace perdita
