// Two forms of a formula for two regions of its domain.
#pragma once

#include <span>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/domain.hpp"

namespace perdita::rewriting {

/// A form of the formula, and its bits of error at each point, NaN where the exact value is not known.
struct FormErrors {
  Expr formula;
  std::vector<double> bits;
  double cost = 0;  ///< of its time, as bits at each point
};

/// The numbers of up to `count` forms that together have the least errors and costs, if for each point the best of them
/// is taken; the one with the least errors first.
std::vector<std::size_t> complementary_forms(std::span<const FormErrors> forms, std::size_t count);

/// Up to `count` formulas select(quantity < threshold, one form, another form) with the least errors and costs, where
/// the quantity is an input, the difference of two inputs, or the magnitude of one of these. Thresholds are short
/// numbers.
std::vector<Expr> forms_by_region(std::span<const FormErrors> forms, const Domain& domain, const Points& points,
                                  std::size_t count);

/// The number with the fewest digits above low and not above high.
double shortest_between(double low, double high);

}  // namespace perdita::rewriting
