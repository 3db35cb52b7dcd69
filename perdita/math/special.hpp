// erf, lgamma, digamma, trigamma: computed in double precision, for float as well. Coefficients:
// tools/fit_functions.py.
#pragma once

#include "perdita/math/power.hpp"

namespace perdita {

namespace detail {

inline constexpr double pi = 0x1.921fb54442d18p+1;

/// sin(pi r) for |r| <= 1/2.
template <int N>
PERDITA_INLINE Pack<double, N> sin_pi(const Pack<double, N>& r) {
  return r * polynomial(r * r, 3.1415926535897931, -5.1677127800499694, 2.550164039877294, -0.5992645293187383,
                        0.082145886569894341, -0.0073704304787755789, 0.00046629968882986418, -2.1903185551106388e-05,
                        7.6947285656765936e-07);
}
/// The distance of x to the nearest integer, in [-1/2, 1/2]; 0 for whole numbers, infinities among them.
template <int N>
PERDITA_INLINE Pack<double, N> to_nearest(const Pack<double, N>& x) {
  const Pack<double, N> a = at_most(abs(x), 0x1p52);
  return flip_sign(a - ((a + 0x1p52) - 0x1p52), x);
}

/// Below 8 the argument is raised by 8, to where the asymptotic series are exact. With y = x (x + 7), the product of
/// x, x+1, ..., x+7 is y (y + 6) (y + 10) (y + 12).
template <int N>
struct Raised {
  Mask<double, N> low;
  Pack<double, N> z, inverse, y, product;
};
template <int N>
PERDITA_INLINE Raised<N> raise(const Pack<double, N>& x) {
  const Mask<double, N> low = x < 8.0;
  const Pack<double, N> z = select(low, x + 8.0, x);
  const Pack<double, N> y = x * (x + 7.0);
  return {low, z, 1.0 / z, y, y * polynomial(y, 720.0, 252.0, 28.0, 1.0)};
}

template <int N>
PERDITA_INLINE Pack<double, N> digamma_positive(const Pack<double, N>& x) {
  const auto [low, z, inverse, y, product] = raise(x);
  const Pack<double, N> w = inverse * inverse;
  const Pack<double, N> tail =
      w * polynomial(w, 0.083333333333333093, -0.0083333333329767261, 0.0039682537799731864, -0.0041666185905772429,
                     0.0075690754110041714, -0.020570627748681226, 0.061206856470162545);
  // 1/x + 1/(x+1) + ... + 1/(x+7), over one denominator
  const Pack<double, N> sum = (x + x + 7.0) * polynomial(y, 720.0, 504.0, 84.0, 4.0) / product;
  return (log(z) - (0.5 * inverse + tail)) - zero_unless(low, sum);
}

template <int N>
PERDITA_INLINE Pack<double, N> trigamma_positive(const Pack<double, N>& x) {
  const auto [low, z, inverse, y, product] = raise(x);
  const Pack<double, N> w = inverse * inverse;
  const Pack<double, N> tail =
      w * inverse *
      polynomial(w, 0.16666666666666402, -0.033333333328945391, 0.023809521335157884, -0.033332669686294926,
                 0.075661649601077921, -0.24536221377505804, 0.82739989336113606);
  // 1/x^2 + ... + 1/(x+7)^2, over one denominator
  const Pack<double, N> sum =
      polynomial(y, 25401600.0, 18817920.0, 6586272.0, 1334592.0, 163560.0, 11928.0, 476.0, 8.0) / (product * product);
  return (inverse + 0.5 * w + tail) + zero_unless(low, sum);
}

/// lgamma for |x| < 8 down to -1/2, and for all larger x.
template <int N>
PERDITA_INLINE Pack<double, N> lgamma_right(const Pack<double, N>& x) {
  using P = Pack<double, N>;
  // To z = 2 + d in [1.5, 2.5], where lgamma is a polynomial with its zero at 2 factored out: raised by one or two,
  // which divides by `below`, or lowered step by step, which multiplies by `above`. d is exact throughout.
  const Mask<double, N> raised = x < 1.5, raised_twice = x < 0.5;
  const P below = select(raised_twice, x * (x + 1.0), x);
  P d = select(raised_twice, x, select(raised, x - 1.0, at_most(x, 8.0) - 2.0)), above(1.0);
  for (int step = 0; step < 6; ++step) {
    const Mask<double, N> down = d > 0.5;
    d = select(down, d - 1.0, d);
    above = select(down, above * (d + 2.0), above);
  }
  const P center =
      d * polynomial(d, 0.42278433509846713, 0.32246703342411326, -0.06735230105319831, 0.02058080842778057,
                     -0.0073855510286497221, 0.0028905103310236449, -0.0011927539127579052, 0.00050966951567850763,
                     -0.00022315473517593674, 9.9457669999825212e-05, -4.4926531006354647e-05, 2.0505617663075869e-05,
                     -9.4372376125841848e-06, 4.3845885217232388e-06, -2.049750706329777e-06, 9.2031761534672823e-07,
                     -4.2005101396065974e-07, 2.7849159748572694e-07, -1.4328781906672868e-07);
  const Mask<double, N> stirling = x >= 8.0;
  const P logarithm = log(select(stirling, x, abs(select(raised, below, above))));
  const P inverse = 1.0 / x, w = inverse * inverse;
  const P tail = inverse * polynomial(w, 0.083333333333332454, -0.0027777777768047455, 0.00079365041875123651,
                                      -0.00059516986278239945, 0.00083532072691165768, -0.0016090331815279272);
  const P far = (x - 0.5) * (logarithm - 1.0) + (tail + 0.41893853320467274);  // (log(2 pi) - 1) / 2
  return select(stirling, far, center + select(raised, -logarithm, logarithm));
}

}  // namespace detail

/// The error function, for all x: within 0.51 ULP in float, 1.6 in double. Below 1 an odd polynomial, above
/// 1 - exp(-p(|x|)), where the error of p hardly counts.
PERDITA_PACK erf(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& wide) PERDITA_INLINE_LAMBDA { return erf(wide); }, x);
  } else {
    const Pack<T, N> a = at_most(abs(x), 6.0);
    const Pack<T, N> small =
        a * polynomial(a * a, 1.1283791670955126, -0.37612638903183521, 0.11283791670944185, -0.026866170643111489,
                       0.0052239776061184968, -0.0008548325929311338, 0.00012055293576730072, -1.4924712297846352e-05,
                       1.6447131513117565e-06, -1.6206313280114826e-07, 1.3710978237457639e-08, -7.779464347239621e-10);
    const Pack<T, N> exponent = polynomial(
        a, 1.063370686441156e-06, 1.128368714217016, 0.63666757029144694, 0.10263767161876854, -0.018865422476350042,
        -0.00058401668311708441, 0.002098732920775372, -0.00091991654400342532, 0.00023063617608872828,
        -2.7994580497489677e-05, -3.6116676940723324e-06, 2.673106829883396e-06, -6.8777061310769042e-07,
        1.0822337386883641e-07, -1.0903587892505666e-08, 6.5183043948972656e-10, -1.7704711696981747e-11);
    return copy_sign(select(a < 1.0, small, 1.0 - exp_normal(-exponent)), x);
  }
}

/// log |Gamma(x)|; +inf at 0 and at the negative integers. Within 0.51 ULP in float; in double 8, near its negative
/// zeros of the size of the terms that cancel there.
PERDITA_PACK lgamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& wide) PERDITA_INLINE_LAMBDA { return lgamma(wide); }, x);
  } else {
    // Gamma(-a) Gamma(a) = -pi / (a sin(pi a))
    const Mask<T, N> reflected = x < -0.5;
    const Pack<T, N> a = select(reflected, -x, x);
    const Pack<T, N> right = lgamma_right(a);
    const Pack<T, N> r = to_nearest(a);
    const Pack<T, N> left = log(pi / (a * abs(sin_pi(r)))) - right;
    return select(reflected, select(r == 0.0, Pack<T, N>(infinity<T>), left), right);
  }
}

/// The derivative of lgamma; NaN at the negative integers, -inf at +0 and +inf at -0. Within 0.51 ULP in float; in
/// double 10, of 1 or log(1 - x) where that is larger.
PERDITA_PACK digamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& wide) PERDITA_INLINE_LAMBDA { return digamma(wide); }, x);
  } else {
    const Mask<T, N> negative = x < 0.0;
    const Pack<T, N> right = digamma_positive(select(negative, 1.0 - x, x));
    // psi(x) = psi(1 - x) - pi cot(pi x); cos(pi r) is the sine of what is missing to 1/2
    const Pack<T, N> r = to_nearest(x), sine = sin_pi(r), cosine = sin_pi(0.5 - abs(r));
    const Pack<T, N> left = select(r == 0.0, Pack<T, N>(not_a_number), right - pi * cosine / sine);
    return select(negative, left, right);
  }
}

/// The derivative of digamma: within 0.51 ULP in float, 8 in double; +inf at 0 and at the negative integers.
PERDITA_PACK trigamma(const Pack<T, N>& x) {
  using namespace detail;
  if constexpr (is_float<T>) {
    return in_double([](const auto& wide) PERDITA_INLINE_LAMBDA { return trigamma(wide); }, x);
  } else {
    const Mask<T, N> negative = x < 0.0;
    const Pack<T, N> right = trigamma_positive(select(negative, 1.0 - x, x));
    const Pack<T, N> ratio = pi / sin_pi(to_nearest(x));
    return select(negative, ratio * ratio - right, right);
  }
}

}  // namespace perdita
