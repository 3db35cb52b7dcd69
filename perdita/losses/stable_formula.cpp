#include "perdita/losses/stable_formula.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/expr/cpp.hpp"
#include "perdita/losses/formula.hpp"

namespace perdita {

namespace {

template <class Written>
Expr graph_without_parameters(const Written& formula) {
  if (!formula.parameters().empty()) {
    fail<ValueError>("stabilize: the formula has the parameter {} (valid: formulas without param())",
                     formula.parameters()[0].name);
  }
  return formula.value();
}

/// The graph of the formula; conditions that hold for every formula of classes come first.
Expr graph_of(std::string_view formula, std::string& domain) {
  if (!is_class_formula(formula)) return graph_without_parameters(Formula::parse(formula));
  const Expr graph = graph_without_parameters(ClassFormula::parse(formula));
  const std::string_view standard = rewriting::inputs_of(graph).size() > 1 ? "log_p <= 0, t in 0..1" : "log_p <= 0";
  domain = domain.empty() ? std::string(standard) : fmt::format("{}, {}", standard, domain);
  return graph;
}

}  // namespace

Stabilized stabilize_loss(const FormulaText& text, StabilizeOptions options) {
  options.domain = text.domain;
  const Expr graph = graph_of(text.formula, options.domain);
  return stabilize(graph, options);
}

std::string text_of(const Stabilized& found) {
  return to_text(found.formula) + (found.compute_in_float64 ? "; compute=float64" : "");
}

std::string cpp_of(const Stabilized& found) {
  std::vector<std::string> inputs;
  for (const rewriting::Variable& variable : found.domain) inputs.push_back(variable.name);
  inputs.resize(std::max<std::size_t>(2, inputs.size()));  // a loss is a function of prediction and target
  return (found.compute_in_float64 ? "// Exact for operands of double; for those of float convert them.\n" : "") +
         to_cpp(found.formula, inputs);
}

namespace {

/// The stable form of a formula. Losses are read from their text more than once: recent results are kept.
std::string stable_form(std::string_view text, const FormulaText& parts) {
  constexpr std::size_t most_kept = 64;
  static std::mutex mutex;
  static std::map<std::string, std::string, std::less<>> kept;
  {
    const std::scoped_lock lock(mutex);
    if (const auto found = kept.find(text); found != kept.end()) return found->second;
  }
  const Stabilized found = stabilize_loss(parts);
  std::string form = found.is_changed ? text_of(found) : std::string(parts.formula);
  const std::scoped_lock lock(mutex);
  if (kept.size() >= most_kept) kept.clear();
  return kept.emplace(text, std::move(form)).first->second;
}

}  // namespace

std::string formula_to_train(std::string_view text) {
  const FormulaText parts = separate_formula(text);
  if (parts.stabilize) return stable_form(text, parts);
  if (!parts.domain.empty())
    fail<ValueError>("formula: conditions [{}] without stabilize=yes (valid: formula: ... [{}]; stabilize=yes)",
                     parts.domain, parts.domain);
  return std::string(text);
}

}  // namespace perdita
