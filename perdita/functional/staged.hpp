// Elementwise losses of operands that are not dense arrays of one type and shape. For elementwise.hpp and sources of
// this folder.
#pragma once

#include <array>

#include "perdita/functional/fused_node.hpp"
#include "perdita/kernels/staged_elements.hpp"

namespace perdita::detail {

/// An input as kernels that compute in `dtype` read it: bfloat16 and float16 as they are, others converted.
inline Tensor kept_or_converted(const Tensor& input, DType dtype) {
  return is_narrow(input.dtype()) && dtype == DType::float32 ? input : input.to(dtype);
}

/// Whether the elements lie side by side in memory, in the order of some permutation of the dimensions.
bool is_dense(const Tensor& tensor);

/// A new tensor of that shape, whose elements lie in memory in the same order if those of `input` are dense.
Tensor empty_like(const Tensor& input, DType dtype);

/// Whether losses of these can be computed without copies of operands: they have the input's shape, and no gradient is
/// wanted but that with respect to the input.
bool can_be_staged(const Tensor& input, const Tensor& target, const LossOptions& options);

/// The losses of elements of `shape`, perhaps with weights. `standard` is the usual denominator of a weighted mean;
/// elements whose target is missing are not counted.
LossNode elementwise_node(const char* function, Normalize standard, const Shape& shape, const Tensor& target,
                          const LossOptions& options);

/// The sum of the losses of elements. Operands and `weight` (which may be undefined) broadcast to the first one. Of the
/// options, missing and label_smoothing are used.
template <class T, std::size_t arity>
double run_staged(const std::array<const Tensor*, arity>& operands, const Tensor& weight, const LossOptions& options,
                  const FusedOutputs<T>& out, const kernels::ElementwiseBlock<T, arity>& block);

}  // namespace perdita::detail
