// The standard normal distribution: its logarithm in both tails, and that of an interval.
#pragma once

#include "perdita/math/remainders.hpp"

namespace perdita {

namespace detail {

/// (1 - Phi(x)) / phi(x) for x >= 0, within 2 ULP: a polynomial in (x - 4) / (x + 4), divided by x + 4. The
/// coefficients are those of Chebyshev's interpolation at 50 digits.
inline constexpr std::array mills_coefficients{
    1.8932190633084853,     -1.5237709108199835,     0.9704095548675874,      -0.46754096299832926,
    0.1513917623124891,     -0.01890045086179461,    -0.008722295275113486,   0.00408785568219404,
    0.00033424462447582926, -0.0005792693112383798,  -4.7833112184110975e-06, 8.809575792458322e-05,
    1.7965666540766273e-06, -1.4843347253192145e-05, -1.5791693622508298e-06, 2.5688741365377523e-06,
    6.836016680202922e-07,  -4.006262909600915e-07,  -2.1840990663360633e-07, 4.482320698500524e-08,
    5.4154267181159925e-08, -1.509241818614183e-09,  -9.520279114401458e-09,  -2.9433098761634534e-10,
    8.812534041624495e-10};
PERDITA_INLINE auto mills_ratio(const auto& x) {
  const auto shifted = x + 4.0;
  return power_series((x - 4.0) / shifted, mills_coefficients) / shifted;
}

inline constexpr double normal_density_at_0 = 0.39894228040143268;

template <class X>
PERDITA_INLINE auto log_ndtr_value(const X& z) {
  const auto size = select(z < 0.0, -z, z);
  const auto ratio = normal_density_at_0 * mills_ratio(clamp_max(size, 1e30));
  const auto tail = ratio * exp(-0.5 * size * size);
  return select(z > 0.0, log1p(-tail), log(ratio) - 0.5 * size * size);
}

/// phi(z) / Phi(z).
template <class X>
PERDITA_INLINE auto inverse_mills_ratio(const X& z) {
  const auto size = select(z < 0.0, -z, z);
  const auto ratio = mills_ratio(clamp_max(size, 1e30));
  const auto density = normal_density_at_0 * exp(-0.5 * size * size);
  return select(z > 0.0, density / (1.0 - ratio * density), 1.0 / ratio);
}

/// log(1 - exp(x)) for x < 0.
template <class X>
PERDITA_INLINE auto log1m_exp(const X& x) {
  const auto is_near = x > -0.69314718055994531;
  return select(is_near, log(-expm1(select(is_near, x, -1.0))), log1p(-exp(select(is_near, -1.0, x))));
}

}  // namespace detail

/// log Phi(z): the logarithm of the normal distribution function, to the last digits in both tails.
template <class Z>
PERDITA_INLINE auto log_ndtr(const Z& z) {
  if constexpr (detail::is_symbol<Z>)
    return log(0.5 + 0.5 * erf(0.70710678118654752 * z));
  else
    return with_slope(
        z, [](const auto& at) { return detail::log_ndtr_value(at); },
        [](const auto& at) { return detail::inverse_mills_ratio(at); });
}

/// log(Phi(low + width) - Phi(low)) for width > 0, which is given apart from the difference of the ends because that
/// cancels. Both ends are in the left tail or around 0 after a reflection. A narrow interval is phi(c) times the width
/// times sinh(u) / u with u = width c / 2 at its center c, up to terms of the fourth power of the width.
template <class Low, class Width>
PERDITA_INLINE auto log_normal_interval(const Low& low, const Width& width) {
  const auto high = low + width;
  if constexpr (detail::is_symbol<std::remove_cvref_t<decltype(high)>>) {
    return log(0.5 * (erf(0.70710678118654752 * high) - erf(0.70710678118654752 * low)));
  } else {
    const auto is_right = low > 0.0;
    const auto above = select(is_right, -low, high);
    const auto below = select(is_right, -high, low);
    const auto upper = log_ndtr(above);
    const auto lower = log_ndtr(below);
    const auto wide = upper + detail::log1m_exp(lower - upper);
    const auto center = low + 0.5 * width;
    const auto square_of_width = width * width;
    const auto u = 0.25 * square_of_width * center * center;
    const auto spread = 1.0 + u * (1.0 / 6) + u * u * (1.0 / 120) - square_of_width * (1.0 / 24);
    const auto narrow = log(width) + log(spread) - 0.5 * center * center - 0.91893853320467274;
    return select((width < 0.02) & (u < 1e-3), narrow, wide);
  }
}

}  // namespace perdita
