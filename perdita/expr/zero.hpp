// Formulas that are 0 whatever their inputs.
#pragma once

#include "perdita/expr/expr.hpp"

namespace perdita {

/// Whether the value can be seen to be 0 for all inputs for which it is finite: 0 * x counts as 0. False says nothing.
bool is_zero(const Expr& value);

}  // namespace perdita
