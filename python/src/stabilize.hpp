// Stable forms of formulas, as Python reads them.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_stabilize(nanobind::module_& m);

}  // namespace perdita::python
