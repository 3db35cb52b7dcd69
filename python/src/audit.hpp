// Audits of labels for Python: perdita/evaluate/label_audit.hpp.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_audit(nanobind::module_& m);

}  // namespace perdita::python
