// Reductions of losses to one number, and their denominators.
#pragma once

#include <initializer_list>
#include <span>

#include "perdita/functional/loss_options.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita::detail {

/// The losses of the elements, reduced by recorded operators. input_shape: whose first size a batchmean divides by;
/// that of the losses where it is null.
Tensor reduce_losses(const char* function, const Tensor& losses, const LossOptions& options, Normalize standard,
                     const Shape* input_shape = nullptr);

/// The same, without the elements whose target is NaN, if the options leave them out.
Tensor reduce_present(const char* function, const Tensor& losses, const Tensor& target, const LossOptions& options,
                      Normalize standard, const Shape* input_shape = nullptr);

/// The target with the label smoothing of the options.
inline Tensor smoothed(const Tensor& target, const LossOptions& options) {
  const double share = options.label_smoothing;
  return share == 0 ? target : target * (1 - share) + 0.5 * share;
}

/// The denominator of a mean over losses of `shape`, by its name; `count` and `weight_sum` are what the loss found.
double denominator_of(Normalize normalize, const Shape& shape, double count, double weight_sum);

/// NaN, whose gradient with respect to every input is 0: the mean if no loss counts or all weights are 0. Inputs may be
/// undefined.
Tensor mean_of_nothing(const char* function, DType dtype, std::span<const Tensor* const> inputs);
inline Tensor mean_of_nothing(const char* function, DType dtype, std::initializer_list<const Tensor*> inputs) {
  return mean_of_nothing(function, dtype, std::span(inputs.begin(), inputs.size()));
}

/// Passes `gradient` (of the reduced loss, or of each element) on to an input, times the upstream gradient, which for
/// losses over classes lacks the dimension `classes_dim`.
void scale_gradient(BackwardContext& context, Tensor& gradient, int classes_dim = -1, int input = 0);

}  // namespace perdita::detail
