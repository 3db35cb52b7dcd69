// Products of which one factor may be 0 where the other is infinite, or its derivative is.
//
// Logits of -inf are how classes are masked out, and exp() underflows long before a logit is infinite. The limits of
// these products exist there; 0 * inf and 0^(gamma - 1) * 0 would make NaN of them. Symbols for readers get the
// textbook forms.
#pragma once

#include <limits>

#include "perdita/math/dual.hpp"

namespace perdita {

namespace detail {

template <class X>
inline constexpr bool is_symbol = std::is_same_v<X, Expr>;
template <class V>
inline constexpr bool is_symbol<Dual<V>> = is_symbol<V>;
template <class X>
inline constexpr bool is_symbol<const X> = is_symbol<X>;

inline constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace detail

/// share * price, and 0 for a share of 0 of an infinite price, where the derivative with respect to the share is
/// infinite.
template <class Share, class Price>
PERDITA_INLINE auto share_of(const Share& share, const Price& price) {
  if constexpr (detail::is_symbol<Price>)
    return share * price;
  else if constexpr (requires { share.raw; })  // no derivative with respect to it
    return zero_unless((share != 0.0) | (price != price), share * price);
  else if constexpr (detail::level<Price> > detail::level<Share>)
    return Price{share_of(share, price.v),
                 zero_unless((share != 0.0) | !(abs(price.v) == detail::infinite), share * price.d)};
  else
    // xlogy(0, inf) is 0, and its derivative with respect to the 0 is log inf; none reaches a price held at inf.
    return select((share == 0.0) & (abs(price) == detail::infinite),
                  flip_sign(xlogy(share, clamp_min(abs(price), detail::infinite)), price), share * price);
}

/// share_of, in a sum that another term makes NaN wherever the price is: one comparison less.
template <class Share, class Price>
PERDITA_INLINE auto share_in_sum(const Share& share, const Price& price) {
  if constexpr (!detail::is_symbol<Price> && requires { share.raw; })
    return zero_unless(share != 0.0, share * price);
  else
    return share_of(share, price);
}

/// weight * price, where the derivative of the weight vanishes faster than the price grows.
template <class Weight, class Price>
PERDITA_INLINE auto fading_product(const Weight& weight, const Price& price) {
  if constexpr (detail::is_symbol<Price>) {
    return weight * price;
  } else if constexpr (detail::level<Price> > 0) {
    return Price{fading_product(weight.v, price.v),
                 zero_unless(!(price.v == detail::infinite), weight.d * price.v) + weight.v * price.d};
  } else if constexpr (requires { weight.detach(); }) {
    return select(price == detail::infinite, weight.detach() * price, weight * price);
  } else {
    return weight * price;
  }
}

/// x^gamma for 0 <= x <= 1, as a weight that fades: where x is 0 so are all its derivatives, whose product with what it
/// weighs vanishes. exp(gamma log x) takes no power of x that overflows before it is multiplied by the derivative of x;
/// its error of gamma |log x| ULP is that of log x itself.
template <class X>
PERDITA_INLINE X faded(const X& x, double gamma) {
  if constexpr (detail::is_symbol<X>) {
    return pow(x, gamma);
  } else {
    constexpr bool once = detail::ends_with_first_derivative<X>;
    if (gamma == 0.0 || gamma == 1.0 || gamma >= (once ? 1.0 : 2.0)) return pow(x, gamma);
    constexpr double least_power = once ? 0.25 : 1.0;
    const auto is_zero = x == 0.0;
    const X some = select(is_zero, 1.0, x);
    if (gamma < least_power) return select(is_zero, 0.0, exp(gamma * log(some)));
    return select(is_zero, 0.0, pow(some, gamma));
  }
}

}  // namespace perdita
