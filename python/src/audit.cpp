#include "python/src/audit.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "perdita/core/file.hpp"
#include "perdita/evaluate/label_audit_output.hpp"
#include "perdita/evaluate/text.hpp"
#include "python/src/arrays.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// The rows of a file, or of an array, which the operands keep alive.
evaluate::NamedArray rows_of(nb::handle from, const char* argument, Operands& operands,
                             const data::RowOptions& options) {
  if (nb::isinstance<nb::str>(from)) {
    const auto reader = data::open_rows(nb::cast<std::string>(from), options);
    return evaluate::read_all(*reader);
  }
  operands.add(from.ptr(), "audit", argument);
  return {operands.tensors().back().contiguous().to_array(), argument};
}

evaluate::LabelAudit audit(nb::object probabilities, nb::object labels, std::string_view scale, std::string_view filter,
                           std::string_view score, std::optional<std::int64_t> top, std::optional<bool> header,
                           std::vector<std::string> class_names) {
  using Header = data::RowOptions::Header;
  const data::RowOptions text{.header = !header ? Header::detect : *header ? Header::yes : Header::no};
  const evaluate::AuditOptions options{.scale = evaluate::parse_scale(scale),
                                       .filter = evaluate::parse_issue_filter(filter),
                                       .score = evaluate::parse_quality_score(score),
                                       .top = top,
                                       .class_names = std::move(class_names)};
  Operands operands;
  const evaluate::NamedArray predicted = rows_of(probabilities, "probabilities", operands, text);
  const evaluate::NamedArray given = rows_of(labels, "labels", operands, text);
  const nb::gil_scoped_release unlocked;
  return evaluate::audit_labels(predicted, given, options);
}

template <class T, class From>
nb::object array_of(const From& values) {
  Tensor tensor = Tensor::empty({static_cast<std::int64_t>(std::size(values))}, dtype_of<T>());
  std::ranges::transform(values, tensor.mutable_data<T>(), [](auto value) { return static_cast<T>(value); });
  return to_numpy(tensor);
}

std::string text_of(const evaluate::LabelAudit& audit) {
  std::string text;
  for (const std::string& warning : audit.warnings) text += fmt::format("warning: {}\n", evaluate::printable(warning));
  return text + evaluate::to_text(audit);
}

}  // namespace

void add_audit(nb::module_& m) {
  nb::class_<evaluate::LabelAudit>(m, "AuditResult")
      .def("json", [](const evaluate::LabelAudit& audit) { return evaluate::to_json(audit); })
      .def("summary", [](const evaluate::LabelAudit& audit) { return evaluate::to_json(audit, false); })
      .def("text", &text_of)
      .def("csv", &evaluate::to_csv)
      .def("rows",
           [](const evaluate::LabelAudit& audit) {
             std::vector<std::int64_t> rows;
             for (const evaluate::AuditedRow& row : audit.ranking) rows.push_back(row.row);
             return array_of<std::int64_t>(rows);
           })
      .def("scores", [](const evaluate::LabelAudit& audit) { return array_of<double>(audit.scores); })
      .def("is_issue", [](const evaluate::LabelAudit& audit) { return array_of<bool>(audit.is_issue); })
      .def("suggested", [](const evaluate::LabelAudit& audit) { return array_of<std::int64_t>(audit.predicted); });
  m.def("audit", &audit, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none(),
        nb::arg());
}

}  // namespace perdita::python
