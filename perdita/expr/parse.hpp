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
//   atom        = number | name | name "(" expression { "," expression } ")" | "(" expression ")"
//
// "**" is read as "^", "&&" and "||" as "&" and "|". Functions are those of formula_functions.hpp. Names are the
// inputs, the definitions, in any order, and pi, e and inf.
#pragma once

#include <span>
#include <string_view>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// What a name in the text stands for.
struct NamedExpr {
  std::string_view name;
  Expr value;
};

/// The formula of `text`. Common parts are shared: a definition that is used twice is computed once. Throws ValueError
/// that shows the place: for what is no formula, a name that is not known or defined by itself, a definition that is
/// not used, more than 10,000 characters, or parentheses more than 100 deep.
Expr parse_expr(std::string_view text, std::span<const NamedExpr> inputs);

}  // namespace perdita
