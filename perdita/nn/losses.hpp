// The losses as modules, generated from the list: nn::MSELoss, nn::HuberLoss, nn::CrossEntropyLoss, ...
//
//     const nn::HuberLoss criterion({.delta = 2}, {.reduction = Reduction::sum});
//     criterion(output, target).backward();
#pragma once

#include "perdita/functional/functional.hpp"
#include "perdita/nn/module.hpp"

namespace perdita::nn {

/// Base of the loss modules. Options are checked when the module is constructed; weights are buffers, saved with it.
template <class Loss, class Options>
class LossModule : public Module {
 public:
  explicit LossModule(const Options& options = {}) : LossModule(Loss{}, options) {}
  explicit LossModule(const Loss& loss, const Options& options = {}) : loss_(loss), options_(options) {
    check_parameters(loss);
    check_options(Loss::info.name, options);
    if (options.weight.defined()) register_buffer("weight", options.weight);
    if constexpr (requires { options.pos_weight; }) {
      if (options.pos_weight.defined()) register_buffer("pos_weight", options.pos_weight);
    }
  }

 protected:
  Loss loss_;
  Options options_;
};

/// The function of the same tensors, with the loss and options of the module.
#define PERDITA_MODULE(Loss, function, Name)                                \
  class Name : public LossModule<perdita::Loss, OptionsOf<perdita::Loss>> { \
   public:                                                                  \
    using LossModule::LossModule;                                           \
    template <class... Tensors>                                             \
    Tensor operator()(const Tensors&... tensors) const {                    \
      return functional::function(tensors..., loss_, options_);             \
    }                                                                       \
  };
PERDITA_LOSSES(PERDITA_MODULE)
/// Several quantiles in one module.
PERDITA_MODULE(Quantiles, quantile_loss, QuantilesLoss)
#undef PERDITA_MODULE

}  // namespace perdita::nn
