// Formulas of losses as graphs, which perdita.torch executes by operators of torch.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_graph(nanobind::module_& m);

}  // namespace perdita::python
