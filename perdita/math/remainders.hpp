// exp and log without their first terms, where the difference would cancel: losses near their minimum.
#pragma once

#include "perdita/math/products.hpp"

namespace perdita {

/// (1 + x) log(1 + x) - x for x > -1, which is x^2 / 2 near 0.
template <class X>
PERDITA_INLINE auto entropy_excess(const X& x) {
  return with_slope(
      x, [](const auto& at) { return (1.0 + at) * log1p_minus_x(at) + at * at; },
      [](const auto& at) { return log1p(at); });
}

/// exp(x) - 1 - x, which is x^2 / 2 near 0.
template <class X>
PERDITA_INLINE auto expm1_without_x(const X& x) {
  if constexpr (detail::is_symbol<X>)
    return exp(x) - 1.0 - x;
  else
    return expm1_minus_x(x);
}

/// log(1 + x) - x, which is -x^2 / 2 near 0.
template <class X>
PERDITA_INLINE auto log1p_without_x(const X& x) {
  if constexpr (detail::is_symbol<X>)
    return log1p(x) - x;
  else
    return log1p_minus_x(x);
}

}  // namespace perdita
