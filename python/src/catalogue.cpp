#include "python/src/catalogue.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "perdita/expr/formula_functions.hpp"
#include "perdita/losses/aliases.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// The operands of a loss, and its unit.
nb::dict signature_of(const LossInfo& info) {
  nb::list operands;
  for (const LossOperand& operand : info.operands) {
    nb::dict described;
    described["name"] = operand.name;
    described["role"] = name_of(operand.role);
    described["meaning"] = name_of(operand.meaning);
    described["decides"] = operand.decides_dtype;
    described["optional"] = operand.is_optional;
    described["differentiable"] = operand.element != Element::integer && operand.role != Role::side_information;
    operands.append(described);
  }
  nb::dict signature;
  signature["unit"] = name_of(info.unit);
  signature["broadcasts"] = info.broadcasts;
  signature["grows_input"] = info.grows_input;
  signature["mean"] = info.mean == Normalize::weight_sum ? "weight_sum"
                      : info.mean == Normalize::batch    ? "batch"
                                                         : "count";
  signature["operands"] = operands;
  signature["of_class_rows"] = is_of_class_rows(info);
  signature["of_several_operands"] = is_of_several_operands(info);
  signature["takes_class_probabilities"] = takes_class_probabilities(info);
  signature["takes_missing"] = is_elementwise(info);
  signature["smooths_labels"] = has_smooth_labels(info);
  return signature;
}

/// What a loss's function and module are called, and what they take; parameters are (name, default), choices the names
/// that those have which are one of several.
nb::dict entry_of(const AnyLoss& loss, std::string_view function, std::string_view module) {
  nb::list parameters;
  nb::dict choices;
  for (const ParameterValue& parameter : parameters_of(loss)) {
    const double value = parameter.usual;
    if (!parameter.choices.empty())
      choices[nb::cast(parameter.name)] =
          std::vector<std::string_view>(parameter.choices.begin(), parameter.choices.end());
    parameters.append(nb::make_tuple(parameter.name, parameter.is_bool            ? nb::cast(value != 0)
                                                     : !parameter.choices.empty() ? nb::cast(text_of(parameter, value))
                                                     : parameter.is_integer ? nb::cast(static_cast<std::int64_t>(value))
                                                                            : nb::cast(value)));
  }
  nb::dict entry = signature_of(info_of(loss));
  entry["function"] = function;
  entry["module"] = module;
  entry["parameters"] = parameters;
  entry["choices"] = choices;
  return entry;
}

/// Of formulas that a user wrote.
nb::dict formula_signatures() {
  nb::dict signatures;
  signatures["formula"] = signature_of(Formula::info);
  signatures["class_formula"] = signature_of(ClassFormula::info);
  return signatures;
}

nb::list signatures() {
  nb::list entries;
#define PERDITA_ENTRY(Loss, function, Module) entries.append(entry_of({.loss = Loss{}}, #function, #Module));
  PERDITA_LOSSES(PERDITA_ENTRY)
#undef PERDITA_ENTRY
  return entries;
}

/// The functions that formulas may call, with their parameters and docstrings.
nb::list functions_of_formulas() {
  nb::list functions;
  for (const FormulaFunction& function : formula_functions()) {
    if (function.description.empty()) continue;
    nb::dict entry;
    entry["name"] = function.name;
    entry["parameters"] = function.parameters;
    entry["description"] = function.description;
    functions.append(entry);
  }
  return functions;
}

/// The catalogue entry, for docstrings and reference pages.
nb::dict describe(std::string_view name) {
  const AnyLoss loss = parse_loss(name);
  const LossInfo& info = info_of(loss);
  nb::dict entry;
  entry["name"] = info.name;
  entry["torch_name"] = info.torch_name;
  entry["family"] = name_of(info.family);
  entry["summary"] = info.summary;
  entry["operands"] = describe_operands(info);
  entry["losses"] = describe_losses(info);
  entry["variables"] = info.variables;
  entry["parameters"] = describe_parameters(loss);
  entry["use_when"] = info.use_when;
  entry["avoid_when"] = info.avoid_when;
  entry["source"] = info.source;
  entry["differences"] = info.differences;
  return entry;
}

/// The parts of a sum of losses.
nb::list loss_parts(std::string_view text) {
  nb::list parts;
  const LossSum sum = parse_loss_sum(text);
  for (const LossPart& part : sum.parts()) {
    const perdita::Operands& operands = info_of(part.loss).operands;
    nb::dict entry;
    entry["name"] = part.name;
    entry["text"] = to_string(part.loss);
    entry["weight"] = to_string(part.weight);
    entry["is_scheduled"] = part.weight.schedule.has_value();
    entry["is_learned"] = part.weight.is_learned;
    entry["weight_shape"] = operands.has(Role::weight) ? operands.first(Role::weight).shape : std::string_view();
    parts.append(entry);
  }
  return parts;
}

/// (name, first value) of the numbers that a written formula declares as learned.
nb::list formula_parameters(std::string_view formula) {
  nb::list parameters;
  for (const DeclaredParameter& declared : declared_parameters(parse_loss(fmt::format("formula: {}", formula))))
    parameters.append(nb::make_tuple(declared.name, declared.initial));
  return parameters;
}

/// The weights of the parts in an epoch, counted from 0, without learned factors.
std::vector<double> loss_weights(std::string_view text, std::int64_t epoch) {
  std::vector<double> weights;
  const LossSum sum = parse_loss_sum(text);
  for (const LossPart& part : sum.parts()) weights.push_back(part.weight.at(epoch));
  return weights;
}

}  // namespace

void add_catalogue(nb::module_& m) {
  m.def("signatures", &signatures);
  m.def("formula_signatures", &formula_signatures);
  m.def("formula_functions", &functions_of_formulas);
  m.def("describe", &describe);
  m.def("loss_names", &loss_names);
  m.def("meant_loss", &meant_loss);
  m.def("is_class_formula", &is_class_formula);
  m.def("formula_parameters", &formula_parameters);
  m.def("loss_parts", &loss_parts);
  m.def("loss_weights", &loss_weights);
}

}  // namespace perdita::python
