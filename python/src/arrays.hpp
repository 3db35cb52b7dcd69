// Arrays of Python as tensors, and back, without copying.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <string_view>
#include <vector>

#include "perdita/tensor/tensor.hpp"
#include "python/src/array_types.hpp"
#include "python/src/dlpack.hpp"

namespace perdita::python {

/// Tensors over the memory of Python's arrays, which stay alive and locked as long as this object.
///
/// Read are: tensors of a library that offers DLPack's exchange table (PyTorch), whatever has the buffer protocol
/// (NumPy), and whatever has __dlpack__ (JAX). Strides are kept as they are.
class Operands {
 public:
  static constexpr std::size_t capacity = 8;

  enum class Narrow { refused, read };
  /// narrow: whether bfloat16 and float16 of a library with the exchange table are read, which losses can.
  explicit Operands(Narrow narrow = Narrow::refused) : narrow_(narrow) {}
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;
  ~Operands() { clear(); }
  /// Lets go of the arrays. The interpreter's lock must be held, as for all of this.
  void clear();

  /// Adds an array; None becomes an undefined tensor. Throws DTypeError, ShapeError or ValueError that names `function`
  /// and `argument`.
  void add(PyObject* array, std::string_view function, std::string_view argument);

  std::span<const Tensor> tensors() const { return {tensors_.data(), count_}; }
  std::span<Tensor> tensors() { return {tensors_.data(), count_}; }

 private:
  Tensor from_exchange(PyObject* array, const ArrayType& type, std::string_view function, std::string_view argument);
  Tensor from_buffer(PyObject* array, std::string_view function, std::string_view argument);
  Tensor from_capsule(PyObject* array, std::string_view function, std::string_view argument);

  Narrow narrow_;
  std::array<Tensor, capacity> tensors_;
  std::size_t count_ = 0;
  std::array<PyObject*, capacity> held_{};
  std::size_t held_count_ = 0;
  std::array<Py_buffer, capacity> buffers_;
  std::size_t buffer_count_ = 0;
};

/// The exchange table of an object's type, or null. Looked up once a type.
const dlpack::ExchangeApi* exchange_api_of(PyObject* object);

/// A new array of the library that owns `api`; it shares the tensor's memory, and has its order of dimensions.
nanobind::object to_exchange(const Tensor& tensor, const dlpack::ExchangeApi& api);

/// A new NumPy array that shares the tensor's memory; a NumPy scalar where the tensor has no dimensions.
nanobind::object to_numpy(const Tensor& tensor);

}  // namespace perdita::python
