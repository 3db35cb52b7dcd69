// The list of losses as Python reads it.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_catalogue(nanobind::module_& m);

}  // namespace perdita::python
