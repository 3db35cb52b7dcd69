#include "python/src/evaluate.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/evaluation.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/evaluation_text.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/evaluation_page.hpp"
#include "python/src/arrays.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

struct Result {
  evaluate::Evaluation evaluation;
  std::string predictions, targets;  ///< the files, or what arrays are called
  std::string call;                  ///< that gives the same again
};

/// The rows of a file or of an array, which the operands keep alive; null for None.
std::unique_ptr<data::RowReader> rows_of(nb::handle from, const char* argument, Operands& operands,
                                         const data::RowOptions& options) {
  if (from.is_none()) return nullptr;
  if (nb::isinstance<nb::str>(from)) return data::open_rows(nb::cast<std::string>(from), options);
  operands.add(from.ptr(), "evaluate", argument);
  const Tensor array = operands.tensors().back().contiguous();
  return data::rows_of(array.to_array(), argument);
}

/// Between two rounds of blocks: an interrupt of the keyboard ends the evaluation.
void let_python_interrupt(std::int64_t) {
  const nb::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

Result evaluate_rows(nb::object predictions, nb::object targets, nb::object weights, std::string_view loss,
                     std::optional<std::string_view> scale, std::optional<bool> header, int bins, std::int64_t hardest,
                     std::vector<std::string> class_names, std::string call) {
  using Header = data::RowOptions::Header;
  const data::RowOptions text{.header = !header ? Header::detect : *header ? Header::yes : Header::no};
  evaluate::EvaluationOptions options{.loss = parse_loss_sum(loss),
                                      .bins = bins,
                                      .hardest = hardest,
                                      .class_names = std::move(class_names),
                                      .probabilities_option = "scale=\"probabilities\""};
  if (scale) options.scale = evaluate::parse_scale(*scale);
  Operands operands;
  const auto predicted = rows_of(predictions, "predictions", operands, text);
  const auto truth = rows_of(targets, "targets", operands, text);
  const auto weighing = rows_of(weights, "weights", operands, text);
  const nb::gil_scoped_release unlocked;
  return {evaluate::evaluate(*predicted, *truth, weighing.get(), options, &let_python_interrupt), predicted->name,
          truth->name, std::move(call)};
}

}  // namespace

void add_evaluate(nb::module_& m) {
  nb::class_<Result>(m, "EvaluationResult")
      .def("json", [](const Result& result) { return evaluate::to_json(result.evaluation); })
      .def("text",
           [](const Result& result) {
             std::string text;
             for (const std::string& warning : result.evaluation.warnings)
               text += fmt::format("warning: {}\n", evaluate::printable(warning));
             return text + evaluate::to_text(result.evaluation);
           })
      .def("page",
           [](const Result& result) {
             return report::html({result.evaluation, result.predictions, result.targets, result.call});
           })
      .def("save", [](const Result& result, const std::string& folder) {
        report::write_evaluation({result.evaluation, result.predictions, result.targets, result.call}, folder);
      });
  m.def("evaluate", &evaluate_rows, nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg().none(),
        nb::arg().none(), nb::arg(), nb::arg(), nb::arg(), nb::arg());
}

}  // namespace perdita::python
