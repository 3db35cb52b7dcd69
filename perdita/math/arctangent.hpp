// The arctangent.
#pragma once

#include "perdita/math/remainders.hpp"

namespace perdita {

namespace detail {

/// atan(x) / x as a polynomial in 2 x^2 - 1 for |x| <= 1, by Chebyshev's interpolation at 50 digits.
inline constexpr std::array arctangent_coefficients{
    0.8704197513671031,     -0.10187654235021827,    0.020851851207108,      -0.005030863660244394,
    0.0013155859496332622,  -0.00036098208717686163, 0.00010227656107321704, -2.965003950457454e-05,
    8.744938994100005e-06,  -2.614079333315315e-06,  7.898630570194182e-07,  -2.4077781318524385e-07,
    7.394955744231534e-08,  -2.2851130290487076e-08, 7.080726892292375e-09,  -2.2098549204797562e-09,
    7.145711064898975e-10,  -2.2485082893059992e-10, 5.4530617071430425e-11, -1.7206721008504688e-11,
    1.2369300878038631e-11, -3.9424876295743705e-12};

template <class X>
PERDITA_INLINE auto arctangent_value(const X& x) {
  const auto is_large = abs(x) > 1.0;
  const auto small = select(is_large, 1.0 / select(is_large, x, 1.0), x);
  const auto angle = small * power_series(2.0 * small * small - 1.0, arctangent_coefficients);
  return select(is_large, flip_sign(1.5707963267948966 - abs(angle), x), angle);
}

}  // namespace detail

/// atan(x), within 3 ULP.
template <class X>
PERDITA_INLINE auto arctangent(const X& x) {
  return with_slope(
      x, [](const auto& at) { return detail::arctangent_value(at); },
      [](const auto& at) { return 1.0 / (1.0 + at * at); });
}

}  // namespace perdita
