// perdita._core: losses as objectives of gradient boosting, on NumPy arrays with any strides.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_boosting(nanobind::module_& m);

}  // namespace perdita::python
