// Norms, as roots of sums: ||x|| = root(sum_i term(x_i)).
#pragma once

#include "perdita/math/functions.hpp"

namespace perdita {

/// 0, except `slope` where x is NaN. Reverse accumulation multiplies the 0 of a clamp by the derivative of a NaN, which
/// is NaN; in forward accumulation, the clamp is applied last and gives 0. Added to the loss, this term makes both
/// derivatives equal.
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
