// Errors for arrays whose elements the core does not read.
#pragma once

#include <nanobind/nanobind.h>

#include <string_view>

namespace perdita::python {

/// Throws DTypeError that names the array's dtype as its library does, what is read, and how to get it.
[[noreturn]] void fail_with_dtype(PyObject* array, std::string_view function, std::string_view argument);

}  // namespace perdita::python
