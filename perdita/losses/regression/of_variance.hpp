// A loss of a mean and a variance in the form of kernels::elementwise().
#pragma once

#include "perdita/losses/regression/gaussian_nll.hpp"

namespace perdita {

/// GaussianNll with both predictions before the target.
struct GaussianNllOfVariance {
  GaussianNll loss;
  auto operator()(auto y, auto variance, auto t) const { return loss(y, t, variance); }
};

}  // namespace perdita
