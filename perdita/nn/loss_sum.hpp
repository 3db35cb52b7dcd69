// A sum of losses as a module, with the weights that are learned as its parameters.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "perdita/functional/loss_sum.hpp"
#include "perdita/nn/module.hpp"

namespace perdita::nn {

/// A sum of losses.
///
///     const nn::Sum criterion("learned*mse + learned*l1");
///     optim::Adam optimizer(criterion.parameters());        // together with those of the model
///     criterion(output, target).backward();
///
/// A learned weight is exp(-s) with a parameter s named "log_variance_" and the name of the part. The parameters that a
/// formula declares have their names; those of a second formula begin with "formula_2_".
class Sum : public Module {
 public:
  /// options: of each part, see functional::call(). Weights are buffers.
  explicit Sum(const LossSum& loss, const LossOptions& options = {});
  /// From its text, see parse_loss_sum().
  explicit Sum(std::string_view text, const LossOptions& options = {}) : Sum(parse_loss_sum(text), options) {}

  /// The sum of the losses of the operands.
  template <class... Tensors>
  Tensor operator()(const Tensors&... operands) const {
    return call({operands...});
  }
  /// The same, and the contributions of the parts.
  Tensor call(const std::vector<Tensor>& operands, std::vector<PartResult>* parts = nullptr) const;

  /// Sets the epoch, counted from 0, on which scheduled weights depend. Copies of the module share it.
  void set_epoch(std::int64_t epoch) const { state_->epoch = epoch; }
  /// The epoch and the learned numbers.
  const SumState& state() const { return *state_; }
  const LossSum& loss() const { return loss_; }

 private:
  LossSum loss_;
  LossOptions options_;
  std::shared_ptr<SumState> state_ = std::make_shared<SumState>();
};

}  // namespace perdita::nn
