// Reading formulas: the notation of to_text(), with names for parts of it.
//
//   formula     = expression [ "where" definition { (";" | ",") definition } ]
//   definition  = name "=" expression
//   expression  = conjunction { "|" conjunction }
//   conjunction = comparison { "&" comparison }
//   comparison  = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
//   sum         = product { ("+" | "-") product }
//   product     = signed { ("*" | "/") signed }
//   signed      = { "-" | "+" | "!" } power
//   power       = atom [ "^" signed ]
//   atom        = number | name | name "(" expression { "," expression } ")" | "(" expression ")" | parameter
//   parameter   = "param" "(" name "," [ "-" ] number ")"
//
// "**" is read as "^", "&&" and "||" as "&" and "|". Functions are those of formula_functions.hpp. Names are the
// inputs, the definitions, in any order, and pi, e and inf. A parameter is a number that is learned, with its first
// value; where it is declared again, the value must be the same.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// What a name in the text stands for.
struct NamedExpr {
  std::string_view name;
  Expr value;
};

/// A parameter that a text declares.
struct DeclaredParameter {
  std::string name;
  double initial = 0;
};

/// How parse_expr() treats param(name, initial).
struct ParameterOptions {
  std::vector<DeclaredParameter>* declared = nullptr;  ///< set to the parameters in the order of the text
  int first_input = -1;  ///< they become the inputs with this index and the next ones, or constants if it is negative
};

/// The formula of `text`. Common parts are shared: a definition that is used twice is computed once. Throws ValueError
/// that shows the place: for what is no formula, a name that is not known or defined by itself, a definition that is
/// not used, more than 10,000 characters, or parentheses more than 100 deep.
Expr parse_expr(std::string_view text, std::span<const NamedExpr> inputs);
/// The same for a text that may have parameters; without the options they are errors.
Expr parse_expr(std::string_view text, std::span<const NamedExpr> inputs, const ParameterOptions& parameters);

}  // namespace perdita
