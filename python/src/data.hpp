// What Python uses of perdita/data: class weights and samplers.
#pragma once

#include <nanobind/nanobind.h>

namespace perdita::python {

void add_data(nanobind::module_& m);

}  // namespace perdita::python
