// The floors: what the machine allows at best, measured in the same run as what is compared with them.
#pragma once

#include <cstdint>
#include <string>

#include "bench/table.hpp"
#include "perdita/expr/expr.hpp"

namespace perdita::bench {

inline constexpr std::int64_t elements = std::int64_t{1} << 24;

/// Arrays of `elements` floats that every large benchmark shares: inputs around 0, targets of 0 and 1, results.
struct Arrays {
  const float* y;
  const float* t;
  float* g;
};
const Arrays& arrays();

/// Registers the loops that read two arrays and write a third, and each transcendental function on an array in L1.
void add_floors();

/// Seconds to move so many bytes, by the faster of the loops.
double seconds_to_move(const Times& times, double bytes);

/// Seconds for one element's transcendental calls in `formula`, on one thread.
double seconds_of_calls(const Times& times, const Expr& formula);
/// Whether there are any.
bool makes_calls(const Expr& formula);
/// Seconds of one call of exp.
double seconds_of_exp(const Times& times);

}  // namespace perdita::bench
