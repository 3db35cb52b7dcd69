// The domain of a formula's variables, and points of it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita::rewriting {

/// The numbers that a variable takes.
struct Variable {
  std::string name;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool excludes_low = false, excludes_high = false;  ///< the ends themselves
  bool is_whole = false;                             ///< whole numbers from low to high
  std::vector<double> listed = {};                   ///< these numbers only, if there are any

  /// Whether x satisfies the conditions.
  bool contains(double x) const;
};

/// Variables by their index in the formula. One that does not occur in it has no name.
using Domain = std::vector<Variable>;

/// The inputs of a formula, each of which may be any number.
Domain inputs_of(const Expr& formula);

/// Separates "FORMULA [CONDITIONS]": the text in the last pair of brackets, and what is before it.
struct FormulaWithDomain {
  std::string_view formula, conditions;
};
FormulaWithDomain separate_domain(std::string_view text);

/// Restricts the variables: "t in 0..1", "t = -1, 1", "y, t > 0", "t = 0, 1, 2, ...", "log_p <= 0", separated by
/// commas. Throws ValueError for a condition that cannot be read, for an unknown variable, and for an empty domain.
void restrict_domain(Domain& domain, std::string_view conditions);

/// "y > 0, t in 0..1"; empty if there are no conditions.
std::string to_text(const Domain& domain);

/// Points of a domain, one column for each variable. The numbers are those of float.
struct Points {
  std::vector<std::vector<double>> columns;
  /// The number of points.
  std::size_t size() const { return columns.empty() ? 0 : columns.front().size(); }
};

/// About half of the points are uniform over the representations of floats, and half lie where logits and targets
/// usually do, some of them with variables that are nearly equal. A few are zeros, ends and other special numbers. Each
/// point is a function of the seed and its number.
Points draw_points(const Domain& domain, std::size_t count, std::uint64_t seed);

}  // namespace perdita::rewriting
