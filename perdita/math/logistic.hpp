// sigmoid, softplus and their kin, each from one exp(-|x|) that cannot overflow. Coefficients: tools/fit_functions.py.
#pragma once

#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"

namespace perdita {

/// 1 / (1 + e^-x), for all x, down to subnormal results: within 2 ULP.
PERDITA_PACK sigmoid(const Pack<T, N>& x) {
  // With q = e / (1 + e), sigmoid is 1 - q above 0 and e - e q below: there the roundings of q count only e-fold.
  const Pack<T, N> e = detail::exp_full<false>(-abs(x));
  const Pack<T, N> limit = select(x < 0.0, e, Pack<T, N>(1.0));
  return limit - limit * (e / (1.0 + e));
}

/// log(1 + e^x), for all x: within 2 ULP.
PERDITA_PACK softplus(const Pack<T, N>& x) {
  return detail::at_least(x, 0.0) + detail::log1p_unit(detail::exp_full<false>(-abs(x)));
}

/// log(sigmoid(x)), for all x: within 2 ULP.
PERDITA_PACK log_sigmoid(const Pack<T, N>& x) { return -softplus(-x); }

/// Hyperbolic tangent, for all x: within 1.5 ULP.
PERDITA_PACK tanh(const Pack<T, N>& x) {
  using namespace detail;
  const Pack<T, N> a = abs(x);
  const Pack<T, N> y = x * x;
  Pack<T, N> tail;  // (tanh(a) / a - 1) / y
  if constexpr (is_float<T>) {
    tail = polynomial(y, -0.333332986, 0.133319572, -0.0537865609, 0.0208049286, -0.00590528641);
  } else {
    tail = polynomial(y, -0.33333333333333132, 0.1333333333330082, -0.053968253949833428, 0.02186948801492276,
                      -0.0088632269406875575, 0.0035920387125075895, -0.0014552223227555171, 0.00058721167261373069,
                      -0.00023044500803874157, 7.9370286459763944e-05, -1.7207129374491216e-05);
  }
  // Beyond 10 (20 in double) tanh rounds to 1.
  const Pack<T, N> large = 1.0 - 2.0 / (exp_normal(at_most(a + a, is_float<T> ? 20.0 : 40.0)) + 1.0);
  return copy_sign(select(a < 0.6, tail * y * a + a, large), x);
}

/// log(cosh(x)), for all x, however small: within 1.9 ULP.
PERDITA_PACK log_cosh(const Pack<T, N>& x) {
  using namespace detail;
  const Pack<T, N> a = abs(x);
  const Pack<T, N> y = x * x;
  Pack<T, N> ratio;  // log_cosh(a) / y
  if constexpr (is_float<T>) {
    ratio = polynomial(y, 0.5, -0.0833330527, 0.0222161952, -0.00669860886, 0.0020140151, -0.000429634121);
  } else {
    ratio =
        polynomial(y, 0.5, -0.083333333333332718, 0.02222222222215977, -0.0067460317435604159, 0.0021869488026983589,
                   -0.00073860233468373471, 0.00025657561125360073, -9.0963131130918545e-05, 3.2681404704515039e-05,
                   -1.1704485655029902e-05, 3.9552399295917103e-06, -1.0890882467155853e-06, 1.7169818872012475e-07);
  }
  // a + log1p(e^-2a) - ln 2, with ln 2 subtracted in two parts, the large one before anything is rounded
  const Pack<T, N> e = exp_normal(at_least(-2.0 * a, is_float<T> ? -80.0 : -700.0));
  const Pack<T, N> large = (a - ln2_high<T>)+(log1p_reduced(e, Pack<T, N>(0.0)) - ln2_low<T>);
  return select(a < 0.75, a * (a * ratio), large);
}

}  // namespace perdita
