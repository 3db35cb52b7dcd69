// sigmoid, softplus and their kin, each from one exp(-|x|) that cannot overflow. Coefficients: tools/fit_functions.py.
#pragma once

#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"

namespace perdita {

/// 1 / (1 + e^-x).
PERDITA_PACK sigmoid(const Pack<T, N>& x) {
  const Pack<T, N> e = detail::exp_full<false>(-abs(x));
  return select(x < 0.0, e, Pack<T, N>(1.0)) / (1.0 + e);
}

/// log(1 + e^x).
PERDITA_PACK softplus(const Pack<T, N>& x) {
  return detail::at_least(x, 0.0) + detail::log1p_unit(detail::exp_full<false>(-abs(x)));
}

/// log(sigmoid(x)).
PERDITA_PACK log_sigmoid(const Pack<T, N>& x) { return -softplus(-x); }

PERDITA_PACK tanh(const Pack<T, N>& x) {
  using namespace detail;
  const Pack<T, N> a = abs(x);
  const Pack<T, N> y = x * x;
  Pack<T, N> tail;  // (tanh(a) / a - 1) / y
  if constexpr (is_float<T>) {
    tail = polynomial(y, -0.333332986, 0.133319572, -0.0537865609, 0.0208049286, -0.00590528641);
  } else {
    tail = polynomial(y, -0.33333333333333326, 0.13333333333331815, -0.05396825396724192, 0.021869488502263678,
                      -0.008863234863676697, 0.0035921196774936657, -0.0014557641797774356, 0.0005896226607545378,
                      -0.00023751413586387975, 9.249238697937847e-05, -3.1182168068247925e-05, 6.505229163877898e-06);
  }
  // Beyond 10 (20 in double) tanh rounds to 1.
  const Pack<T, N> large = 1.0 - 2.0 / (exp_normal(at_most(a + a, is_float<T> ? 20.0 : 40.0)) + 1.0);
  return copy_sign(select(a < 0.6, tail * y * a + a, large), x);
}

/// log(cosh(x)).
PERDITA_PACK log_cosh(const Pack<T, N>& x) {
  using namespace detail;
  const Pack<T, N> a = abs(x);
  const Pack<T, N> y = x * x;
  Pack<T, N> ratio;  // log_cosh(a) / y
  if constexpr (is_float<T>) {
    ratio = polynomial(y, 0.5, -0.0833333135, 0.0222217198, -0.00674052164, 0.0021577361, -0.00065676606,
                       0.000134600748);
  } else {
    ratio = polynomial(y, 0.5, -0.0833333333333333, 0.02222222222221821, -0.006746031745847039, 0.0021869488491735624,
                       -0.0007386028966846888, 0.00025657997208425223, -9.098579706482206e-05, 3.276200772456458e-05,
                       -1.190118950290338e-05, 4.279201540542376e-06, -1.4331780896844688e-06, 3.8448078811963855e-07,
                       -5.8199182893523855e-08);
  }
  // a + log1p(e^-2a) - ln 2, with ln 2 subtracted in two parts, the large one before anything is rounded
  const Pack<T, N> e = exp_normal(at_least(-2.0 * a, is_float<T> ? -80.0 : -700.0));
  const Pack<T, N> large = (a - ln2_high<T>) + (log1p_reduced(e, Pack<T, N>(0.0)) - ln2_low<T>);
  return select(a < 0.75, a * (a * ratio), large);
}

}  // namespace perdita
