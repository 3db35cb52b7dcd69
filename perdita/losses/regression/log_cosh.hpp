#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Quadratic for small errors and linear for large ones; infinitely differentiable, without parameters.
struct LogCosh {
  static constexpr LossInfo info{
      .name = "log_cosh",
      .torch_name = "",
      .family = Family::regression,
      .operands = elementwise_operands(prediction(Meaning::value), target(Meaning::value)),
      .summary =
          "log(cosh(y - t)): half the squared error near the target, the absolute error minus log 2 far from it.",
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::symmetric | Trait::never_negative,
      .use_when = "the loss of outliers should be linear and a second derivative is needed, as in gradient boosting",
      .avoid_when =
          "errors are not of the order of 1: the loss has no scale parameter (see huber), so scale the targets",
      .source =
          "Green, Bayesian reconstructions from emission tomography data using a modified EM algorithm, IEEE Trans. "
          "Med. Imaging 9, 1990",
      .differences = "LogCosh in Keras; not available in PyTorch"};

  // log_cosh(r) does not overflow: |r| + log1p(exp(-2 |r|)) - log 2 far from 0, a series near 0.
  auto operator()(auto y, auto t) const { return log_cosh(y - t); }
};

}  // namespace perdita
