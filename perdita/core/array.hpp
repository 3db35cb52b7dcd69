// Array: a dense row-major block of numbers, as files hold them. No views, no gradients: that is Tensor.
#pragma once

#include "perdita/core/buffer.hpp"
#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"

namespace perdita {

struct Array {
  DType dtype = DType::float32;
  Shape shape;
  Buffer buffer;

  /// Uninitialised.
  static Array empty(const Shape& shape, DType dtype) {
    return {dtype, shape, Buffer::allocate(static_cast<std::size_t>(numel(shape)) * size_of(dtype))};
  }
  std::int64_t size() const { return numel(shape); }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(dtype); }
  /// The elements. Throws DTypeError unless T is the element type.
  template <class T>
  T* data() const {
    if (dtype_of<T>() != dtype)
      fail<DTypeError>("Array::data: holds {}, asked for {}", name_of(dtype), name_of(dtype_of<T>()));
    return static_cast<T*>(buffer.data());
  }
};

}  // namespace perdita
