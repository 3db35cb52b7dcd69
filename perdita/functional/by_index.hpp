// Integer operands of rows: their checks. For the sources of this folder.
#pragma once

#include <fmt/format.h>

#include "perdita/core/error.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::detail {

/// Indices [N] as int64. Throws ShapeError, DTypeError, and IndexError that names the first one outside 0..count - 1.
inline Tensor checked_indices(const char* function, const char* name, const Tensor& indices, std::int64_t rows,
                              std::int64_t count) {
  if (!indices.defined()) fail<ValueError>("{}: {} is not a tensor", function, name);
  if (indices.shape() != Shape{rows}) {
    fail<ShapeError>("{}: {} has shape {}, but input has {} rows (valid: [{}])", function, name, indices.shape(), rows,
                     rows);
  }
  if (is_floating(indices.dtype()) || indices.dtype() == DType::boolean) {
    fail<DTypeError>("{}: {} holds {} (valid: int64, int32, uint8)", function, name, name_of(indices.dtype()));
  }
  const Tensor whole = indices.to(DType::int64).contiguous();
  const auto* const data = whole.data<std::int64_t>();
  for (std::int64_t i = 0; i < rows; ++i) {
    if (data[i] >= 0 && data[i] < count) continue;
    fail<IndexError>("{}: {}[{}] is {} (valid: 0..{})", function, name, i, data[i], count - 1);
  }
  return whole;
}

/// Throws ShapeError unless logits have the shape [N, C] with C above 0.
inline void check_rows(const char* function, const Tensor& input) {
  if (input.rank() == 2 && input.size(1) > 0) return;
  fail<ShapeError>("{}: input has shape {} (valid: [N, C] with C above 0)", function, input.shape());
}

}  // namespace perdita::detail
