// Inputs that find the weak spots of a function of one number.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace perdita::test {

inline constexpr unsigned sample_seed = 20240607;

/// Where formulas change, results overflow or underflow, or functions have zeros and poles.
inline constexpr double landmarks[] = {0.0,
                                       0.25,
                                       0.35,
                                       0.5,
                                       0.6,
                                       0.75,
                                       1.0,
                                       1.4616321449683622,
                                       1.5,
                                       2.0,
                                       2.5,
                                       3.0,
                                       6.0,
                                       8.0,
                                       9.0,
                                       16.6355,
                                       17.3287,
                                       18.0,
                                       19.06,
                                       36.7,
                                       38.0,
                                       44.36,
                                       87.33,
                                       88.72283,
                                       89.0,
                                       103.97,
                                       104.0,
                                       170.6,
                                       354.89,
                                       708.396,
                                       709.7827,
                                       710.0,
                                       745.13,
                                       746.0,
                                       2.457024738220799,
                                       3.0,
                                       4.0,
                                       100.0,
                                       1e10,
                                       8388608.0,
                                       16777216.0,
                                       4503599627370496.0,
                                       9007199254740992.0};

/// Specials, the landmarks and their neighbours, every exponent, random bit patterns, uniform numbers of ordinary size;
/// about 10,000 for density 1. Their number is a multiple of 16.
template <class T>
std::vector<T> sample_inputs(int density) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(sample_seed);
  std::vector<T> inputs = {Limits::infinity(),    -Limits::infinity(), Limits::quiet_NaN(),
                           Limits::min(),         -Limits::min(),      Limits::denorm_min(),
                           -Limits::denorm_min(), Limits::max(),       Limits::lowest()};
  for (double landmark : landmarks) {
    T above = static_cast<T>(landmark), below = above;
    for (int step = 0; step < 8 * density; ++step) {
      inputs.insert(inputs.end(), {above, -above, below, -below});
      above = std::nextafter(above, Limits::infinity());
      below = std::nextafter(below, T(0));
    }
  }
  const int mantissa_bits = Limits::digits - 1, exponents = 2 * Limits::max_exponent;
  for (int exponent = 0; exponent < exponents; ++exponent) {
    for (int i = 0; i < density * 1024 / exponents + 1; ++i) {
      const Bits mantissa = static_cast<Bits>(random()) & ((Bits{1} << mantissa_bits) - 1);
      const T x = std::bit_cast<T>(static_cast<Bits>(exponent) << mantissa_bits | mantissa);
      inputs.insert(inputs.end(), {x, -x});
    }
  }
  for (int i = 0; i < 1000 * density; ++i) inputs.push_back(std::bit_cast<T>(static_cast<Bits>(random())));
  for (double width : {1.5, 4.0, 20.0, 110.0}) {
    std::uniform_real_distribution<double> uniform(-width, width);
    for (int i = 0; i < 800 * density; ++i) inputs.push_back(static_cast<T>(uniform(random)));
  }
  while (inputs.size() % 16 != 0) inputs.push_back(T(1));
  return inputs;
}

}  // namespace perdita::test
