// Losses that are formulas of several operands: their node of the graph. For the sources of this folder.
#pragma once

#include <array>

#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/kernels/several_operands.hpp"

namespace perdita::detail {

/// The loss of dense tensors of one shape and the dtype of T, by a kernel that computes gradients with respect to the
/// operands at `places`; without weights. compute(in, out, count): the kernel; losses_of(tensors): the losses of all
/// operands by recorded operators, for second derivatives. `mean`: the standard denominator.
template <class T, std::size_t arity, std::size_t n, class Compute, class LossesOf>
Tensor loss_of_several(const char* function, const std::array<Tensor, arity>& x,
                       const std::array<std::size_t, n>& places, Normalize mean, const LossOptions& options,
                       const Compute& kernel, const LossesOf& losses_of) {
  std::array<Tensor, n> differentiated;
  for (std::size_t i = 0; i < n; ++i) differentiated[i] = x[places[i]];
  std::array<const T*, arity> in;
  for (std::size_t k = 0; k < arity; ++k) in[k] = x[k].template data<T>();
  const auto compute = [&](const KernelOutputs<T, n>& out) {
    kernels::SeveralOutputs<T, arity> to{.values = out.losses, .gradients = {}, .scale = out.scale};
    for (std::size_t i = 0; i < n; ++i) to.gradients[places[i]] = out.gradients[i];
    return kernel(in, to, x[0].numel());
  };
  std::array<Saved, arity> saved;
  for (std::size_t k = 0; k < arity; ++k) saved[k] = Saved(x[k]);
  const auto formula = [=, options = without_extras(options)](std::span<const Tensor> given) {
    std::array<Tensor, arity> again;
    for (std::size_t k = 0; k < arity; ++k) again[k] = saved[k].get(function);
    for (std::size_t i = 0; i < n; ++i) again[places[i]] = given[i];
    return reduce_losses(function, losses_of(again), options, mean);
  };
  return kernel_loss<T>(function, differentiated, x[0].shape(), options, compute, formula);
}

/// The same with weights, which are recorded operators. by_kernel(options): the loss without them.
template <class ByKernel>
Tensor weighted_loss(const char* function, Normalize mean, const LossOptions& options, const ByKernel& by_kernel) {
  if (!options.weight.defined()) return by_kernel(options);
  return reduce_losses(function, by_kernel({.reduction = Reduction::none}), options, mean);
}

}  // namespace perdita::detail
