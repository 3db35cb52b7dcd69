// Common parts of losses over classes.
#pragma once

#include "perdita/functional/loss_options.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/losses/formula.hpp"

namespace perdita::detail {

/// The labels of a dense tensor; see kernels::read_labels().
template <class T>
kernels::Labels read_labels(std::string_view operation, const Tensor& labels, std::int64_t classes,
                            std::int64_t ignore_index, const T* class_weights) {
  const void* const data = visit_dtype(labels.dtype(), [&]<class U>() -> const void* { return labels.data<U>(); });
  return kernels::read_labels(operation, labels.dtype(), data, labels.numel(), classes, ignore_index, class_weights);
}

/// The denominator of the sum of losses of shape `positions`. `labels` are null where the target holds probabilities,
/// with the classes along `classes_dim`; `weight` is one for each class, or undefined.
double class_denominator(const ClassOptions& options, const Shape& positions, const kernels::Labels* labels,
                         const Tensor& target, const Tensor& weight, int classes_dim);

/// Where the classes are: 0 for logits [C], else 1. Throws ValueError, DTypeError or ShapeError unless input is [C],
/// [N, C] or [N, C, d1, ...] of a floating dtype, and target a tensor.
int check_logits(const char* function, const Tensor& input, const Tensor& target);

/// one_hot(labels, classes) with the classes along dimension `dim`.
Tensor one_hot_along(const Tensor& labels, std::int64_t classes, int dim);

/// The losses of a written formula by recorded operators, in the shape that its operands broadcast to. parameters: one
/// number for each of the formula's, or none for their first values.
Tensor recorded_losses(const WrittenLoss& loss, const Tensor& input, const Tensor& target,
                       std::span<const Tensor> parameters = {});

/// Throws ValueError or ShapeError unless there is a number for each parameter of the formula.
void check_parameters_of(const char* function, const WrittenLoss& loss, std::span<const Tensor> parameters);

/// cross_entropy() whose errors and node have another function's name.
Tensor cross_entropy_named(const char* function, const Tensor& input, const Tensor& target,
                           const ClassOptions& options);

}  // namespace perdita::detail
