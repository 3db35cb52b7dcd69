// Functions whose obvious forms cancel or overflow: remainders of exp and log, logarithms of ratios, hypotenuses.
#pragma once

#include <array>

#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"

namespace perdita {

namespace detail {

/// sum_k coefficients[k] x^k.
template <std::size_t n>
PERDITA_INLINE auto power_series(const auto& x, const std::array<double, n>& coefficients) {
  auto sum = x * coefficients[n - 1] + coefficients[n - 2];
  for (std::size_t k = n - 2; k-- > 0;) sum = sum * x + coefficients[k];
  return sum;
}

/// 1 / 2!, 1 / 3!, ...: as many as the series of expm1_minus_x needs.
template <class T>
inline constexpr auto reciprocal_factorials = [] {
  std::array<double, is_float<T> ? 12 : 20> found{};
  double factorial = 1;
  for (std::size_t k = 0; k < found.size(); ++k) found[k] = 1 / (factorial *= static_cast<double>(k + 2));
  return found;
}();
/// 2 / 3, 2 / 5, 2 / 7, ...: as many as the series of log1p_minus_x needs.
template <class T>
inline constexpr auto atanh_coefficients = [] {
  std::array<double, is_float<T> ? 11 : 23> found{};
  for (std::size_t k = 0; k < found.size(); ++k) found[k] = 2 / static_cast<double>(2 * k + 3);
  return found;
}();

}  // namespace detail

/// exp(x) - 1 - x, which is x^2 / 2 near 0; for all x: within 4 ULP.
PERDITA_PACK expm1_minus_x(const Pack<T, N>& x) {
  using namespace detail;
  const Mask<T, N> is_small = abs(x) <= 1.5;
  const Pack<T, N> small = zero_unless(is_small, x);
  const Pack<T, N> series = small * small * power_series(small, reciprocal_factorials<T>);
  return select(is_small, series, select(x == infinity<T>, x, expm1(x) - x));
}

/// log(1 + x) - x, which is -x^2 / 2 near 0; for all x > -1, within 4 ULP; -inf of -1, NaN below.
PERDITA_PACK log1p_minus_x(const Pack<T, N>& x) {
  using namespace detail;
  // log(1 + x) = 2 atanh(s) for s = x / (2 + x), and 2 s = x - x s.
  const Mask<T, N> is_small = (x >= -0.6) & (x <= 1.5);
  const Pack<T, N> small = zero_unless(is_small, x);
  const Pack<T, N> s = small / (2.0 + small);
  const Pack<T, N> square_of_s = s * s;
  const Pack<T, N> tail = square_of_s * power_series(square_of_s, atanh_coefficients<T>);
  return select(is_small, s * (tail - small), select(x == infinity<T>, -x, log1p(x) - x));
}

/// log(a / b) of a, b >= 0, also where the quotient overflows or underflows: within 2 ULP.
PERDITA_PACK log_ratio(const Pack<T, N>& a, const Pack<T, N>& b) {
  using namespace detail;
  using P = Pack<T, N>;
  const auto [fa, ea] = split_logarithm(a);
  const auto [fb, eb] = split_logarithm(b);
  // a = 2^ea (1 + fa): differences of neighboring numbers, and of mantissas, are exact.
  const Mask<T, N> is_near = (a > 0.75 * b) & (a < 1.5 * b);
  const P x = select(is_near, a - b, fa - fb) / select(is_near, b, 1.0 + fb);
  const Mask<T, N> is_low = x < -0.25;
  const Mask<T, N> is_high = x > 0.5;
  const P f = select(is_low, 2.0 * x + 1.0, select(is_high, 0.5 * x - 0.5, x));
  const P e = zero_unless(!is_near, ea - eb) + select(is_low, P(-1.0), zero_unless(is_high, P(1.0)));
  const P quotient = abs(a / b);  // also of -0
  const P limit = select(quotient == 0.0, P(-infinity<T>), select(quotient == infinity<T>, quotient, P(not_a_number)));
  const Mask<T, N> is_regular = (a > 0.0) & (b > 0.0) & (a < infinity<T>)&(b < infinity<T>);
  return select(is_regular, log1p_reduced(f, e), select((a >= 0.0) & (b >= 0.0), limit, P(not_a_number)));
}
PERDITA_PACK log_ratio(const Pack<T, N>& a, double b) { return log_ratio(a, Pack<T, N>(b)); }
PERDITA_PACK log_ratio(double a, const Pack<T, N>& b) { return log_ratio(Pack<T, N>(a), b); }

/// sqrt(a^2 + b^2), without overflow of the squares: within 2 ULP. NaN if a or b is NaN.
PERDITA_PACK hypot(const Pack<T, N>& a, const Pack<T, N>& b) {
  using P = Pack<T, N>;
  const P size_a = abs(a), size_b = abs(b);
  const P large = max(size_a, size_b), small = min(size_a, size_b);
  const P ratio = small / large;
  const P length = large * sqrt(1.0 + ratio * ratio);
  return select((large > 0.0) & (large < detail::infinity<T>), length, large);
}
PERDITA_PACK hypot(const Pack<T, N>& a, double b) { return hypot(a, Pack<T, N>(b)); }
PERDITA_PACK hypot(double a, const Pack<T, N>& b) { return hypot(Pack<T, N>(a), b); }

}  // namespace perdita
