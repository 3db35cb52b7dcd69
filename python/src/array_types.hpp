// The Python types whose arrays are exchanged through DLPack's table of functions, and what can be read of torch's.
#pragma once

#include <nanobind/nanobind.h>

#include <string_view>

#include "python/src/dlpack.hpp"

namespace perdita::python {

struct ArrayType {
  const dlpack::ExchangeApi* api = nullptr;  ///< null for a type without a table
  PyObject* is_negated = nullptr;            ///< torch's method is_neg(); null for other libraries
  bool is_wrapper = false;  ///< a subclass of torch.Tensor with __torch_dispatch__: it has no elements itself
  bool is_plain = false;    ///< exactly torch.Tensor or torch.nn.Parameter
};

/// Looked up once per type.
ArrayType array_type_of(PyObject* object);

/// Throws DTypeError for a wrapper, whose memory must not be asked for.
void check_has_elements(PyObject* array, const ArrayType& type, std::string_view function, std::string_view argument);

/// Throws DTypeError where the memory of `view` does not hold the elements of the array: a pending negation, an empty
/// storage.
void check_memory(PyObject* array, const ArrayType& type, const dlpack::TensorView& view, std::string_view function,
                  std::string_view argument);

/// The same for an array that another library is to read; anything but torch's tensors passes.
void check_readable(std::string_view function, std::string_view argument, nanobind::handle array);

/// Which of torch's tensors require gradients, as a mask; 0 where gradients are not recorded. -1 where the core must
/// not be called as it is: an operand that is not a plain tensor, an active functorch transform, dispatch mode or
/// trace, a tangent of forward-mode differentiation.
int wanted_gradients(nanobind::tuple tensors);

}  // namespace perdita::python
