// Numbers of 16 bits, which are stored and not computed with, as float32 and back.
#pragma once

#include <bit>
#include <cstdint>

#include "perdita/core/dtype.hpp"

namespace perdita::detail {

struct BFloat16 {
  std::uint16_t bits;
  /// Its bits are the upper half of a float32.
  constexpr operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

struct Float16 {
  std::uint16_t bits;
  /// The exponent counts from -14, not -126; the largest one is of infinities and NaN in both types. A subnormal number
  /// is read as 2^-14 (1 + m), from which 2^-14 is subtracted.
  constexpr operator float() const {
    constexpr std::uint32_t exponent = 0x1fu << 23, shift = 112u << 23, one = 1u << 23;
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, magnitude = std::uint32_t{bits & 0x7fffu} << 13;
    const std::uint32_t raised = magnitude + shift;
    const float subnormal = std::bit_cast<float>(raised + one) - std::bit_cast<float>(shift + one);
    const std::uint32_t normal = (magnitude & exponent) == exponent ? raised + shift : raised;
    const std::uint32_t value = (magnitude & exponent) == 0 ? std::bit_cast<std::uint32_t>(subnormal) : normal;
    return std::bit_cast<float>(value | sign);
  }
};

/// `x` rounded to the nearest number of 16 bits, to the even one of two.
constexpr BFloat16 to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return {static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded)};
}

/// Adding 0.5 moves the bits of a number that becomes subnormal to the end of the mantissa, rounded.
constexpr Float16 to_float16(float x) {
  constexpr std::uint32_t infinity = 0x7f800000u, too_large = 143u << 23, smallest_normal = 113u << 23;
  constexpr std::uint32_t shift = 112u << 23, half = 126u << 23;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = (magnitude - shift + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(half)) - half;
  const std::uint32_t not_finite = magnitude > infinity ? 0x7e00u : 0x7c00u;
  const std::uint32_t finite = magnitude < smallest_normal ? subnormal : normal;
  return {static_cast<std::uint16_t>(sign | (magnitude >= too_large ? not_finite : finite))};
}

/// Calls visitor.template operator()<T>() with BFloat16 or Float16.
template <class Visitor>
decltype(auto) visit_narrow(DType dtype, Visitor&& visitor) {
  if (dtype == DType::bfloat16) return visitor.template operator()<BFloat16>();
  return visitor.template operator()<Float16>();
}

/// `count` numbers of a narrow type as float32.
void widen(float* to, const void* from, DType dtype, std::int64_t count);
/// The reverse, rounded to the nearest, to the even one of two. NaN stays NaN. streaming: past the caches, see
/// stream.hpp; end_streaming() must follow before others read the result.
void narrow(void* to, DType dtype, const float* from, std::int64_t count, bool streaming = false);

}  // namespace perdita::detail
