// Gradients compared with finite differences: for tests of operators, losses and modules.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "perdita/tensor/tensor.hpp"

namespace perdita {

struct GradientCheck {
  double step = 1e-6;      ///< of the central difference
  double relative = 1e-6;  ///< |analytic - numeric| <= absolute + relative * max(|analytic|, |numeric|)
  double absolute = 1e-7;
  bool second_order = false;  ///< also check the gradient of the gradient, through create_graph
};

/// Compares the gradients of `function` (any shape of result) with central differences in every element of every input
/// that requires a gradient. Inputs are float64 leaves. Returns "" or what differs first, with its place and numbers.
std::string check_gradient(const std::function<Tensor(const std::vector<Tensor>&)>& function,
                           const std::vector<Tensor>& inputs, const GradientCheck& options = {});

}  // namespace perdita
