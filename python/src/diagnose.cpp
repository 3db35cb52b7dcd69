#include "python/src/diagnose.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <nlohmann/json.hpp>

#include "perdita/diagnose/diagnose_path.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// A JSON list, one object per run.
std::string diagnose_path(const std::string& path, const std::string& baseline, std::string_view columns) {
  const diagnose::ColumnChoices choices = diagnose::parse_column_choices(columns);
  const nb::gil_scoped_release unlocked;
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  for (const diagnose::DiagnosedLog& run : diagnose::diagnose_path(path, baseline, choices)) {
    runs.push_back(diagnose::to_json(run));
  }
  return runs.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void add_diagnose(nb::module_& m) { m.def("diagnose_path", &diagnose_path); }

}  // namespace perdita::python
