// The functions that formulas may call: one table for the parser, the help of the command line and perdita.ops.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// A function of formulas.
struct FormulaFunction {
  std::string_view name;
  std::string_view parameters;   ///< their names, as "x y"; "*more" stands for any number of further ones
  std::string_view description;  ///< empty for what only derivatives and other functions are made of
  int least, most;               ///< number of arguments
  Expr (*call)(std::span<const Expr>);
};

/// In alphabetical order.
std::span<const FormulaFunction> formula_functions();

/// The function of that name, or nullptr.
const FormulaFunction* find_formula_function(std::string_view name);

/// The names of those with a description, separated by `separator`.
std::string formula_function_names(std::string_view separator);

}  // namespace perdita
