// Exact values of formulas, from arithmetic of intervals with as many bits as it takes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/domain.hpp"

namespace perdita::rewriting {

/// The values of each formula at each point, rounded to double. NaN where a formula is not defined, or its value is not
/// known: if an exponential leaves the exponents of MPFR (beyond 2^62), or 1,536 bits do not suffice. Input i of the
/// formulas is variable i.
std::vector<std::vector<double>> exact_values(std::span<const Expr> formulas, const Points& points);

/// What a comparison of two formulas found.
struct Comparison {
  std::size_t compared = 0;                     ///< points where both values are known
  std::size_t only_first = 0, only_second = 0;  ///< where only one is: the other is not defined there, or not known
  std::optional<std::size_t> differs;           ///< the first point where they are not equal
};

/// Compares the values of two formulas in 200 bits at each point where both are known with 928 bits, up to the first
/// difference.
Comparison compare_values(const Expr& a, const Expr& b, const Points& points);

}  // namespace perdita::rewriting
