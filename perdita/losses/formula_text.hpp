// The text of a written loss, with its domain and options.
#pragma once

#include <string_view>

namespace perdita {

/// "FORMULA [CONDITIONS]; stabilize=yes; compute=float64". Options follow a semicolon or a comma.
struct FormulaText {
  std::string_view formula;
  std::string_view domain = {};     ///< the conditions in brackets
  bool stabilize = false;           ///< replaced by its stable form
  bool compute_in_float64 = false;  ///< also for elements of float32
};

/// Separates the parts of the text. Throws ValueError for the value of an option that is not valid.
FormulaText separate_formula(std::string_view text);

}  // namespace perdita
