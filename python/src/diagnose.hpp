// Diagnosis of logs of training, for Python: perdita/diagnose.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_diagnose(nanobind::module_& m);

}  // namespace perdita::python
