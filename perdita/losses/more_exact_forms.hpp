// Forms that lose digits or overflow, where there is a function that does not.
#pragma once

#include <string>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// "log(1 + exp(y)): softplus(x) does not overflow", for each such part of a formula.
std::vector<std::string> more_exact_forms(const Expr& value);

}  // namespace perdita
