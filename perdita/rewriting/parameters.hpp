// Constants of a formula as inputs.
#pragma once

#include <string>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/domain.hpp"

namespace perdita::rewriting {

/// A formula whose constants are inputs after its variables, except short numbers such as 0.5 and 2. Expr computes with
/// constants in double. As inputs they stay symbolic: 1 / a is the exact quotient when formulas are compared, and it is
/// rounded once, in the formula that is found.
class Parameters {
 public:
  /// variables: their number, as the inputs of the formula.
  Parameters(const Expr& formula, std::size_t variables);

  const Expr& formula() const { return formula_; }
  /// A formula of the same inputs, with constants in their place.
  Expr with_constants(const Expr& formula) const;
  /// The points, with a column for each constant.
  Points with_columns(Points points) const;
  /// Their values, as names for readers.
  std::vector<std::string> names() const;

 private:
  std::size_t variables_;
  std::vector<double> values_;
  Expr formula_;
};

}  // namespace perdita::rewriting
