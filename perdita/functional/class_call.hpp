// A call of a loss over classes: its operands, checked. For the sources of this folder.
#pragma once

#include "perdita/functional/class_loss.hpp"
#include "perdita/kernels/softmax_task.hpp"

namespace perdita::detail {

/// A checked call: shapes fit, options are valid.
struct ClassCall {
  const char* function;
  Tensor input, target, weight;
  ClassOptions options;
  kernels::ClassLayout layout;
  Shape row_shape;  // of the losses of rows
  int classes_dim;
  bool has_probabilities, has_logits;  // of target, of input
  DType dtype;                         // that is computed in
};

/// Checks shapes, types and options. may_have_probabilities: whether the target may hold class probabilities; then the
/// input holds logits. Throws ShapeError, DTypeError, ValueError.
ClassCall check_class_call(const char* function, const Tensor& input, const Tensor& target, const ClassOptions& options,
                           bool may_have_probabilities);

/// The denominator of the reduced loss.
double denominator_of(const ClassCall& call, const kernels::Labels& labels);

}  // namespace perdita::detail
