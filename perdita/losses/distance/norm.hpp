// Norms, as roots of sums: ||x|| = root(sum_i term(x_i)).
#pragma once

#include "perdita/math/functions.hpp"

namespace perdita {

/// 0, but `slope` where x is NaN. The chain rule taken from a loss down to its inputs makes NaN of a 0 that a clamp has
/// put there, as it multiplies by the slope of what is NaN; taken upwards, the clamp has the last word. Added to the
/// loss, this gives both the same derivative.
auto nan_with_slope(auto x, auto slope) { return select(x == x, 0.0, slope); }

/// ||x||_2. Its derivative is taken as 0 where it is 0.
struct EuclideanNorm {
  static auto term(auto x) { return square(x); }
  static auto root(auto sum) {
    const auto is_zero = sum == 0.0;
    return select(is_zero, 0.0, sqrt(select(is_zero, 1.0, sum)));
  }
  static auto slope_of_nan(auto sum) { return nan_with_slope(sum, sqrt(sum)); }
};

/// ||x||_1.
struct ManhattanNorm {
  static auto term(auto x) { return abs(x); }
  static auto root(auto sum) { return sum; }
  static auto slope_of_nan(auto) { return 0.0; }
};

}  // namespace perdita
