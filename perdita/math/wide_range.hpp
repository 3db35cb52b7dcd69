// Numbers m 2^e whose exponent has a number of its own: products and sums of probabilities that no double can hold,
// without a logarithm or an exponential at every step.
//
// e is an integer, held as a floating-point number. m need not be normalised: an addition takes the larger e of its
// operands, a multiplication multiplies one and adds the other. normalised() brings m back to [0.75, 1.5), and is
// needed only every few dozen steps. What makes this exact:
//  - a zero has e of -1e300 or less, so that it never decides about the exponent of a sum;
//  - as long as every m but 0 is within 2^-300 and 2^300, what is below 2^-1000 of the operand with the larger e may be
//    anything: it is less than half an ULP of the sum.
#pragma once

#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"

namespace perdita {

namespace detail {
/// m 2^d for an integer d, at most 1000; may give less than 2^-1000 |m| as 2^-1000 m.
template <class T, int N>
PERDITA_INLINE Pack<T, N> times_power(const Pack<T, N>& m, const Pack<T, N>& d) {
  static_assert(!is_float<T>, "2^-1000 is no float");
  if constexpr (has_avx512<T, N>) return scale_by_power(m, d);
  const Pack<T, N> shifted = at_least(d, -1000.0) + (round_magic<T> + Format<T>::bias);
  return m * from_unsigned<T, N>(unsigned_bits(shifted) << Format<T>::mantissa_bits);
}

template <class T, int N>
PERDITA_INLINE Pack<T, N> larger(const Pack<T, N>& a, const Pack<T, N>& b) {
  return Pack<T, N>::of(opaque(a.raw > b.raw ? a.raw : b.raw));
}
}  // namespace detail

template <class P>
struct WideRange {
  static constexpr double exponent_of_zero = -1e300;
  P m, e;

  PERDITA_INLINE static WideRange load(const typename P::value_type* m, const typename P::value_type* e) {
    return {P::load(m), P::load(e)};
  }
  PERDITA_INLINE void store(typename P::value_type* to_m, typename P::value_type* to_e) const {
    m.store(to_m);
    e.store(to_e);
  }

  PERDITA_INLINE friend WideRange operator*(const WideRange& a, const WideRange& b) { return {a.m * b.m, a.e + b.e}; }
  PERDITA_INLINE friend WideRange operator+(const WideRange& a, const WideRange& b) {
    const P e = detail::larger(a.e, b.e);
    return {detail::times_power(a.m, a.e - e) + detail::times_power(b.m, b.e - e), e};
  }
  PERDITA_INLINE friend WideRange sum(const WideRange& a, const WideRange& b, const WideRange& c) {
    const P e = detail::larger(detail::larger(a.e, b.e), c.e);
    return {(detail::times_power(a.m, a.e - e) + detail::times_power(b.m, b.e - e)) + detail::times_power(c.m, c.e - e),
            e};
  }
  /// The number itself, where it is at most 2^1000; 0 where e is below -1000.
  PERDITA_INLINE friend P narrowed(const WideRange& a) {
    return zero_unless(a.e >= -1000.0, detail::times_power(a.m, a.e));
  }

  PERDITA_INLINE friend WideRange normalised(const WideRange& a) {
    const auto [f, e] = detail::split_logarithm(a.m);
    const auto is_usual = (a.m > 0.0) & (a.m < detail::infinity<double>);
    return {select(is_usual, f + 1.0, a.m), select(is_usual, a.e + e, a.e)};
  }

  /// e^x for all x: 0 of -infinity, infinity of infinity, NaN of NaN. Its logarithm is within 2^-53 |x| of x.
  PERDITA_INLINE static WideRange exp(const P& x) {
    constexpr double limit = 0x1p48;  // beyond it a unit in the last place of x is 1/16 and more
    const auto [t, n, r] = detail::reduce_exp(x, 0);
    const auto is_near = abs(x) <= limit, is_finite = abs(x) < detail::infinity<double>;
    const P far_exponent = detail::at_least(detail::at_most(x * detail::log2_e, 1e290), -1e290);
    const P m = select(is_near, detail::exp_of_remainder(r), P(1.0)), e = select(is_near, n, far_exponent);
    return {select(is_finite, m, select(x < 0.0, P(0.0), x)),
            select(is_finite, e, select(x < 0.0, P(exponent_of_zero), P(0.0)))};
  }
  PERDITA_INLINE friend P log(const WideRange& a) {
    const WideRange n = normalised(a);
    const P value = detail::log1p_reduced(n.m - 1.0, n.e);
    return select((n.m > 0.0) & (n.m < detail::infinity<double>), value, log(n.m));
  }
};

}  // namespace perdita
