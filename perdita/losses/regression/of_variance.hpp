// A loss of a mean and a variance as kernels::elementwise() takes it.
#pragma once

#include "perdita/losses/regression/gaussian_nll.hpp"

namespace perdita {

/// GaussianNll, with what the model gives before the target.
struct GaussianNllOfVariance {
  GaussianNll loss;
  auto operator()(auto y, auto variance, auto t) const { return loss(y, t, variance); }
};

}  // namespace perdita
