#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy of the label relative to the model, plus that of the model relative to the label.
struct SymmetricCrossEntropy {
  static constexpr LossInfo info{
      .name = "symmetric_cross_entropy",
      .torch_name = "",
      .family = Family::softmax,
      .operands = class_operands,
      .unit = Unit::row,
      .summary = "-alpha log p + beta (-A) (1 - p) of the true class, p = softmax(logits), where A replaces log 0.",
      .traits = Trait::smooth | Trait::lipschitz | Trait::never_negative,
      .use_when = "some labels are wrong and the classes are not equally hard",
      .avoid_when = "labels are correct: cross_entropy does not need alpha and beta",
      .source =
          "Wang, Ma, Chen, Luo, Yi and Bailey, Symmetric cross entropy for robust learning with noisy labels, ICCV "
          "2019, eq. 6 and 7; if the target is a distribution, each class is weighted by its probability",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{
        parameter<&SymmetricCrossEntropy::alpha>("alpha", "weight of the cross-entropy", non_negative),
        parameter<&SymmetricCrossEntropy::beta>("beta", "weight of the reverse cross-entropy", non_negative),
        parameter<&SymmetricCrossEntropy::log_zero>("log_zero", "A, the value used for log 0", Interval{.high = 0})};
  }

  double alpha = 0.1, beta = 1.0, log_zero = -4.0;

  // The reverse cross-entropy of a class k is -sum_j p_j log [j = k] = -A (1 - p_k), and 1 - p = -expm1(log p).
  auto operator()(auto log_p, auto t) const {
    const auto reverse = beta * log_zero * expm1(log_p);
    return share_of(t, alpha == 0.0 ? reverse : reverse - alpha * log_p);
  }
};

}  // namespace perdita
