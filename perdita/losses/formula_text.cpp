#include "perdita/losses/formula_text.hpp"

#include "perdita/core/error.hpp"

namespace perdita {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

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
  parts.formula = trimmed(text);
  if (parts.formula.empty() || parts.formula.back() != ']') return parts;
  const std::size_t begin = parts.formula.rfind('[');
  if (begin == text.npos) return parts;
  parts.domain = trimmed(parts.formula.substr(begin + 1, parts.formula.size() - begin - 2));
  parts.formula = trimmed(parts.formula.substr(0, begin));
  return parts;
}

}  // namespace perdita
