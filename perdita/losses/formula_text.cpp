#include "perdita/losses/formula_text.hpp"

#include "perdita/core/error.hpp"
#include "perdita/core/trim.hpp"
#include "perdita/rewriting/domain.hpp"

namespace perdita {

namespace {

bool truth_of(std::string_view value) {
  if (value == "yes" || value == "true" || value == "1") return true;
  if (value == "no" || value == "false" || value == "0") return false;
  fail<ValueError>("formula: stabilize is '{}' (valid: yes, no)", value);
}

/// Reads "NAME = VALUE". False if the name is not that of an option.
bool read_option(std::string_view text, FormulaText& parts) {
  const std::size_t equals = text.find('=');
  const std::string_view name = trimmed(text.substr(0, equals));
  if (name != "stabilize" && name != "compute") return false;
  if (equals == text.npos) fail<ValueError>("formula: {} has no value (valid: stabilize=yes, compute=float64)", name);
  const std::string_view value = trimmed(text.substr(equals + 1));
  if (name == "stabilize") {
    parts.stabilize = truth_of(value);
    return true;
  }
  if (value != "float64") fail<ValueError>("formula: compute is '{}' (valid: float64)", value);
  parts.compute_in_float64 = true;
  return true;
}

}  // namespace

FormulaText separate_formula(std::string_view text) {
  FormulaText parts;
  for (std::size_t end = text.find_last_of(";,"); end != text.npos; end = text.find_last_of(";,")) {
    if (!read_option(text.substr(end + 1), parts)) break;
    text = text.substr(0, end);
  }
  const auto [formula, conditions] = rewriting::separate_domain(trimmed(text));
  parts.formula = trimmed(formula);
  parts.domain = trimmed(conditions);
  return parts;
}

}  // namespace perdita
