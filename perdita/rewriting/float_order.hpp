// Floating-point numbers in the order of their values, as whole numbers: neighbors differ by 1, and both zeros are 0.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace perdita::rewriting {

inline std::int64_t place_of(double x) {
  const auto bits = std::bit_cast<std::int64_t>(x);
  return bits < 0 ? -(bits & std::numeric_limits<std::int64_t>::max()) : bits;
}
inline std::int64_t place_of(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  return bits < 0 ? -std::int64_t{bits & std::numeric_limits<std::int32_t>::max()} : std::int64_t{bits};
}

/// The inverse of place_of(float).
inline float float_at(std::int64_t place) {
  const float x = std::bit_cast<float>(static_cast<std::uint32_t>(place < 0 ? -place : place));
  return place < 0 ? -x : x;
}

}  // namespace perdita::rewriting
