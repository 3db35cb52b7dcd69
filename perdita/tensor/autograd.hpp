// Gradients: grad() and the rest of the public autograd; Tensor::backward() is a member.
#pragma once

#include <vector>

#include "perdita/tensor/node.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita {

/// Options of grad().
struct GradOptions {
  std::vector<Tensor> grad_outputs = {};  ///< upstream gradients; ones for scalars when empty
  bool retain_graph = false;              ///< keep the graph for another pass (implied by create_graph)
  bool create_graph = false;              ///< record the backward pass, so that its result can be differentiated
  bool allow_unused = false;              ///< return an undefined tensor for inputs that the outputs do not depend on
};

/// The sum over outputs of d(output)/d(input) for each input; nothing is accumulated into leaves.
/// Throws GraphError for an input that does not require a gradient, or is not used unless allow_unused is set.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options = {});
inline Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options = {}) {
  return grad(std::vector<Tensor>{output}, std::vector<Tensor>{input}, options)[0];
}

}  // namespace perdita
