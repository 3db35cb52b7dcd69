// Warnings (UserWarning, about the caller's line) of operands that are probably not what was meant.
#pragma once

#include <string_view>

#include "perdita/losses/any.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita::python {

/// Whether a loss is one of an input and a target element that may broadcast.
bool compares_elements(const AnyLoss& loss);

/// Whether a loss is one of logits with a target for each: what masks and labels of 0 and 1 may be taken for.
bool takes_logits(const AnyLoss& loss);

/// Of a target that is broadcast to the input or the other way round. Throws ShapeError for soft_margin where torch
/// does; nothing for shapes that do not fit, which the loss refuses.
void warn_of_broadcast(std::string_view function, const AnyLoss& loss, const Tensor& input, const Tensor& target);

/// Of masks that are taken for logits, and of plain classification where a loss of masks is asked for.
void warn_of_logits(std::string_view function, const AnyLoss& loss, const Tensor& input, const Tensor& target);

}  // namespace perdita::python
