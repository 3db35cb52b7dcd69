// erf, lgamma, digamma, trigamma: computed in double precision, for float as well.
#pragma once

#include "perdita/math/power.hpp"

namespace perdita {

namespace detail {

/// erf(x) = 2/sqrt(pi) e^-x^2 sum 2^k x^(2k+1) / (2k+1)!!: all terms have one sign.
PERDITA_PACK erf_series(const Pack<T, N>& x) {
  const Pack<T, N> a = at_most(abs(x), 6.0);
  const Pack<T, N> y = 2.0 * (a * a);
  Pack<T, N> term = a, sum = a;
  for (int k = 1; k < 130; ++k) {
    term = term * y * (1.0 / (2 * k + 1));
    sum = sum + term;
  }
  return copy_sign(1.1283791670955126 * exp(-(a * a)) * sum, x);
}

/// lgamma for x > 0: the argument raised by 8, then Stirling's series.
PERDITA_PACK lgamma_positive(const Pack<T, N>& x) {
  Pack<T, N> product = x;
  for (int k = 1; k < 8; ++k) product = product * (x + k);
  const Pack<T, N> z = x + 8.0, r = 1.0 / z;
  const Pack<T, N> tail = r * polynomial(r * r, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188);
  const Pack<T, N> result = (z - 0.5) * log(z) - z + (0.91893853320467274 + tail) - log(product);
  return select(x < 1e30, result, x * (log(x) - 1.0));
}
PERDITA_PACK digamma_positive(const Pack<T, N>& x) {
  Pack<T, N> sum = 1.0 / x;
  for (int k = 1; k < 8; ++k) sum = sum + 1.0 / (x + k);
  const Pack<T, N> z = x + 8.0, r = 1.0 / z;
  return log(z) - 0.5 * r - r * r * polynomial(r * r, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132) - sum;
}
PERDITA_PACK trigamma_positive(const Pack<T, N>& x) {
  Pack<T, N> sum = 1.0 / (x * x);
  for (int k = 1; k < 8; ++k) sum = sum + 1.0 / ((x + k) * (x + k));
  const Pack<T, N> z = x + 8.0, r = 1.0 / z;
  return sum + r + 0.5 * r * r + r * r * r * polynomial(r * r, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66);
}

/// sin(pi x) and cos(pi x), from the distance to the nearest integer.
template <class T, int N>
struct SinCosPi {
  Pack<T, N> sin, cos;  // up to a common sign
};
template <class T, int N>
PERDITA_INLINE SinCosPi<T, N> sin_cos_pi(const Pack<T, N>& x) {
  const Pack<T, N> a = at_most(at_least(x, -0x1p51), 0x1p51);
  const Pack<T, N> r = (a - ((a + round_magic<T>) - round_magic<T>)) * 3.141592653589793;
  const Pack<T, N> z = r * r;
  Pack<T, N> sine(0.0), cosine(0.0);
  double term = 1.0;
  double coefficients[24];
  for (int k = 0; k < 24; ++k) {
    coefficients[k] = term;
    term /= k + 1;
  }
  for (int k = 11; k >= 0; --k) {
    const double sign = k % 2 == 0 ? 1.0 : -1.0;
    cosine = cosine * z + sign * coefficients[2 * k];
    sine = sine * z + sign * coefficients[2 * k + 1];
  }
  return {sine * r, cosine};
}

}  // namespace detail

PERDITA_PACK erf(const Pack<T, N>& x) {
  if constexpr (detail::is_float<T>) return detail::in_double([](const auto& a) { return detail::erf_series(a); }, x);
  else return detail::erf_series(x);
}

/// log |Gamma(x)|; +inf at 0 and the negative integers.
PERDITA_PACK lgamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& a) { return lgamma(a); }, x);
  } else {
    const Pack<T, N> positive = lgamma_positive(select(x < 0.5, 1.0 - x, x));
    const Pack<T, N> reflected = 1.1447298858494002 - log(abs(sin_cos_pi(x).sin)) - positive;  // log(pi)
    return select(abs(x) == infinity<T>, abs(x), select(x < 0.5, reflected, positive));
  }
}

/// The derivative of lgamma; NaN at the negative integers, -inf at +0 and +inf at -0.
PERDITA_PACK digamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& a) { return digamma(a); }, x);
  } else {
    const Pack<T, N> positive = digamma_positive(select(x < 0.0, 1.0 - x, x));
    const auto [sin, cos] = sin_cos_pi(x);
    const Pack<T, N> reflected = positive - 3.141592653589793 * cos / sin;
    return select(x < 0.0, select(sin == 0.0, Pack<T, N>(not_a_number), reflected), positive);
  }
}

/// The derivative of digamma; +inf at 0 and the negative integers.
PERDITA_PACK trigamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& a) { return trigamma(a); }, x);
  } else {
    const Pack<T, N> positive = trigamma_positive(select(x < 0.0, 1.0 - x, x));
    const Pack<T, N> ratio = 3.141592653589793 / sin_cos_pi(x).sin;
    return select(x < 0.0, ratio * ratio - positive, positive);
  }
}

}  // namespace perdita
