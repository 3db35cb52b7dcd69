// Norms, as roots of sums: ||x|| = root(sum_i term(x_i)).
#pragma once

#include "perdita/math/functions.hpp"

namespace perdita {

/// ||x||_2. Its derivative is taken as 0 where it is 0.
struct EuclideanNorm {
  static auto term(auto x) { return square(x); }
  static auto root(auto sum) {
    const auto is_zero = sum == 0.0;
    return select(is_zero, 0.0, sqrt(select(is_zero, 1.0, sum)));
  }
};

/// ||x||_1.
struct ManhattanNorm {
  static auto term(auto x) { return abs(x); }
  static auto root(auto sum) { return sum; }
};

}  // namespace perdita
