// The kernel of a formula of three operands, as loss_node() runs it.
#pragma once

#include "perdita/core/buffer.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/kernels/elementwise.hpp"

namespace perdita::detail {

/// The sum of formula(in...), with gradients with respect to the first two operands.
template <class T, class Formula>
double of_three(const Formula& formula, const std::array<const T*, 3>& in, const KernelOutputs<T, 2>& out,
                std::int64_t count) {
  kernels::ElementwiseOutputs<T> to{
      .values = out.losses, .gradient = out.gradients[0], .second_gradient = out.gradients[1], .scale = out.scale};
  Buffer unused;  // the second gradient is only written together with the first
  if (to.second_gradient && !to.gradient) {
    unused = Buffer::allocate(static_cast<std::size_t>(count) * sizeof(T));
    to.gradient = static_cast<T*>(unused.data());
  }
  return kernels::elementwise<Formula, T, 3>(formula, in, to, count);
}

}  // namespace perdita::detail
