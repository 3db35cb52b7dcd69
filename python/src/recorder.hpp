// Recorders of training loops, for Python: perdita/report/recorder.hpp.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_recorder(nanobind::module_& m);

}  // namespace perdita::python
