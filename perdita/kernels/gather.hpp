// Reading an operand of any strides and dtype into a block.
#pragma once

#include <cstdint>

#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"

namespace perdita::detail {

/// An array walked by strides, its dimensions collapsed.
struct StridedArray {
  const void* data = nullptr;
  DType dtype = DType::float32;
  Shape shape;
  Strides strides;

  bool is_scalar() const { return shape.rank() == 0 || (shape.rank() == 1 && strides[0] == 0); }
  bool is_dense() const { return shape.rank() == 0 || (shape.rank() == 1 && (strides[0] == 1 || shape[0] == 1)); }
};

/// The array read as if it had `shape`, of which `strides` are: 0 where it repeats.
StridedArray strided_array(const void* data, DType dtype, const Shape& shape, const Strides& strides);

/// Elements past the end of the target that gather() may overwrite.
inline constexpr std::int64_t gather_overshoot = 3;

/// target[i] = the element at row-major position begin + i, converted to T, for i < count.
template <class T>
void gather(T* target, const StridedArray& source, std::int64_t begin, std::int64_t count);

extern template void gather<float>(float*, const StridedArray&, std::int64_t, std::int64_t);
extern template void gather<double>(double*, const StridedArray&, std::int64_t, std::int64_t);

}  // namespace perdita::detail
