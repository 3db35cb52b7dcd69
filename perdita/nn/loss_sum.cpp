#include "perdita/nn/loss_sum.hpp"

namespace perdita::nn {

Sum::Sum(const LossSum& loss, const LossOptions& options) : loss_(loss), options_(options) {
  if (options.weight.defined()) register_buffer("weight", options.weight);
  for (const LossPart& part : loss.parts()) {
    state_->log_variances.push_back(
        part.weight.is_learned ? register_parameter("log_variance_" + part.name, Tensor::zeros({})) : Tensor());
    std::vector<Tensor> learned;
    for (const DeclaredParameter& declared : declared_parameters(part.loss)) {
      const std::string name = part.name == Formula::info.name ? declared.name : part.name + "_" + declared.name;
      learned.push_back(register_parameter(name, Tensor::full({}, declared.initial)));
    }
    state_->parameters.push_back(std::move(learned));
  }
}

Tensor Sum::call(const std::vector<Tensor>& operands, std::vector<PartResult>* parts) const {
  return functional::call(loss_, operands, options_, *state_, parts);
}

}  // namespace perdita::nn
