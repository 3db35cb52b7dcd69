// What predictions are worth, for Python: perdita/evaluate.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_evaluate(nanobind::module_& m);

}  // namespace perdita::python
