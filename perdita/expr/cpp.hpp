// Formulas as C++ code.
#pragma once

#include <span>
#include <string>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// The formula as a generic lambda, for elementwise() and value_and_gradient():
///
///     [](auto y, auto t) { return max(y, 0.0) - y * t + softplus(-abs(y)); }
///
/// inputs: the names of its arguments, in the order of the indices of the inputs; one that is not used may be
/// empty. A value that is used several times is a variable. Throws ValueError for a formula where a comparison is used
/// as a number.
std::string to_cpp(const Expr& expr, std::span<const std::string> inputs);

}  // namespace perdita
