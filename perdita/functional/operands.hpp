// Checks of the operands of a loss: types, shapes, domains. For the sources of this folder and for elementwise().
#pragma once

#include "perdita/functional/loss_options.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita::detail {

/// `tensor` as an operand of a loss, in its dtype. Throws ValueError if it is undefined.
Tensor loss_operand(const char* function, const char* argument, const Tensor& tensor, DType dtype);

/// The dtype in which a loss of these is computed. Throws ValueError, DTypeError.
DType loss_dtype(const char* function, const Tensor& input, const Tensor& target);

/// Throws ValueError that names the first element of `tensor` outside `domain`.
void check_domain(const char* function, const char* argument, const Tensor& tensor, const Interval& domain,
                  bool allows_nan = false);

/// Domains of inputs and targets.
struct Domains {
  Interval input, target;
};

/// The domains of a loss with these parameters; of a user's formula those of `info`.
template <class Loss>
Domains domains_of(const LossInfo& info, const Loss& loss) {
  if constexpr (requires { Loss::info; })
    return {input_domain(loss), target_domain(loss)};
  else
    return {info.input, info.target};
}

/// Whether the domains of operands are to be checked.
template <class Options>
bool validates(const Options& options) {
  return options.validate || validation();
}

/// Throws ShapeError unless the shapes broadcast, and if neither is that of the result, unless the options allow it.
void check_broadcast(const char* function, const Shape& input, const Shape& target, const LossOptions& options);

/// Shapes fit and, where the loss or the options ask for it, elements are in their domains. Throws ShapeError,
/// ValueError.
void check_loss_operands(const char* function, const LossInfo& info, const Domains& domains, const Tensor& input,
                         const Tensor& target, const LossOptions& options);

}  // namespace perdita::detail
