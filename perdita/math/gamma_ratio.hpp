// Ratios of gamma functions of large numbers: differences of lgamma cancel there.
#pragma once

#include "perdita/math/remainders.hpp"

namespace perdita {

namespace detail {

/// lgamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) for x >= 16.
PERDITA_INLINE auto stirling_remainder(const auto& x) {
  const auto inverse = 1.0 / x;
  const auto w = inverse * inverse;
  return inverse * power_series(w, std::array{1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188});
}

}  // namespace detail

/// lgamma(exp(l) + a) - lgamma(exp(l)) - a l for a >= 0, a number that tends to 0 as l grows.
/// Source: Stirling's series of both, whose logarithms are combined: x = exp(l), u = a / x,
/// x (log(1 + u) - u) + (a - 1/2) log(1 + u) + the difference of the remainders.
template <class L, class A>
PERDITA_INLINE auto log_gamma_ratio(const L& log_x, const A& a) {
  const auto x = exp(log_x);
  if constexpr (detail::is_symbol<decltype(log_x + a)>) {
    return lgamma(x + a) - lgamma(x) - a * log_x;
  } else {
    const auto is_large = x > 16.0;
    const auto large = select(is_large, x, 16.0), small = select(is_large, 1.0, x);
    const auto u = a / large;
    const auto remainders = detail::stirling_remainder(large + a) - detail::stirling_remainder(large);
    const auto series = large * log1p_without_x(u) + (a - 0.5) * log1p(u) + remainders;
    return select(is_large, series, lgamma(small + a) - lgamma(small) - a * log_x);
  }
}

/// lgamma(x + 1/2) - lgamma(x) - log(x) / 2, which is -1 / (8 x) for large x.
/// Source: DLMF 5.11.13, whose terms are those of the tangent numbers.
template <class X>
PERDITA_INLINE auto log_gamma_half_ratio(const X& x) {
  if constexpr (detail::is_symbol<X>) {
    return lgamma(x + 0.5) - lgamma(x) - 0.5 * log(x);
  } else {
    const auto is_large = x > 16.0;
    const auto large = select(is_large, x, 16.0), small = select(is_large, 1.0, x);
    const auto inverse = 1.0 / large;
    const auto w = inverse * inverse;
    const auto series = inverse * detail::power_series(w, std::array{-1.0 / 8, 1.0 / 192, -1.0 / 640, 17.0 / 14336,
                                                                     -31.0 / 18432, 691.0 / 180224});
    return select(is_large, series, lgamma(small + 0.5) - lgamma(small) - 0.5 * log(small));
  }
}

}  // namespace perdita
