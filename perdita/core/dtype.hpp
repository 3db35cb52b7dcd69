// Element types of tensors and data files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "perdita/core/error.hpp"

namespace perdita {

/// The element type of a tensor. bfloat16 and float16 are types of storage: losses read and write them, and compute in
/// float32.
enum class DType : std::uint8_t { float32, float64, int64, int32, uint8, boolean, bfloat16, float16 };

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::float64:
    case DType::int64:
      return 8;
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::bfloat16:
    case DType::float16:
      return 2;
    case DType::uint8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

/// Whether tensors of this type are computed with: float32, float64.
constexpr bool is_floating(DType dtype) { return dtype == DType::float32 || dtype == DType::float64; }
/// Whether it is a real type that is only stored: bfloat16, float16.
constexpr bool is_narrow(DType dtype) { return dtype == DType::bfloat16 || dtype == DType::float16; }
/// Whether it is one of the four real types.
constexpr bool is_real(DType dtype) { return is_floating(dtype) || is_narrow(dtype); }
/// The type that elements of `dtype` are converted to for computing.
constexpr DType computing_type(DType dtype) { return is_narrow(dtype) ? DType::float32 : dtype; }

/// "float32", "int64", ...; boolean is "bool".
std::string_view name_of(DType dtype);

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::float32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::float64;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DType::int64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return DType::int32;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return DType::uint8;
  else {
    static_assert(std::is_same_v<T, bool>,
                  "tensors hold float, double, std::int64_t, std::int32_t, std::uint8_t or bool");
    return DType::boolean;
  }
}

/// The type both operands are converted to, by PyTorch's order: bool < uint8 < int32 < int64 < bfloat16, float16 <
/// float32 < float64; float32 for bfloat16 with float16.
DType promote(DType a, DType b);

/// Calls visitor.template operator()<T>() with the C++ type of dtype. Throws DTypeError for bfloat16 and float16.
template <class Visitor>
decltype(auto) visit_dtype(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::float32:
      return visitor.template operator()<float>();
    case DType::float64:
      return visitor.template operator()<double>();
    case DType::int64:
      return visitor.template operator()<std::int64_t>();
    case DType::int32:
      return visitor.template operator()<std::int32_t>();
    case DType::uint8:
      return visitor.template operator()<std::uint8_t>();
    case DType::boolean:
      return visitor.template operator()<bool>();
    case DType::bfloat16:
    case DType::float16:
      break;
  }
  fail<DTypeError>("tensors of {} are operands of losses only (valid: to(DType::float32) converts)", name_of(dtype));
}

/// The same for float32 and float64 only; `operation` names the caller in the error.
template <class Visitor>
decltype(auto) visit_floating(DType dtype, std::string_view operation, Visitor&& visitor) {
  if (dtype == DType::float32) return visitor.template operator()<float>();
  if (dtype == DType::float64) return visitor.template operator()<double>();
  fail<DTypeError>("{}: expected float32 or float64, got {}", operation, name_of(dtype));
}

}  // namespace perdita
