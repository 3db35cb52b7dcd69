// What a logit says against a label: the common part of the losses of logits.
//
//     const auto l = logit(y);
//     l.wrong(t)            (1 - t) sigmoid(y) + t sigmoid(-y)      the probability given to the other class
//     l.cross_entropy(t)    (1 - t) softplus(y) + t softplus(-y)    the price of that
//
// These are the textbook forms, and what symbols for readers get. Packs, and duals of packs, get them from one
// exponential, one division and one logarithm of |y|, and tensors take the same way by their operators: let `against`
// be the share of t that y speaks against, which is t for y < 0 and 1 - t else. Then
//     wrong = sigmoid(-|y|) + against (sigmoid(|y|) - sigmoid(-|y|)),   cross_entropy = against |y| + softplus(-|y|),
// where nothing cancels: at t = 1 and a large y the first terms vanish, value and slope alike, and what remains is
// small and exact. |y| may be given its one-sided slope at 0, for there the two sides meet smoothly.
#pragma once

#include "perdita/math/products.hpp"

namespace perdita {

template <class Y>
struct Logit {
  Y y;
  auto wrong(const auto& t) const { return (1.0 - t) * sigmoid(y) + t * sigmoid(-y); }
  auto cross_entropy(const auto& t) const { return share_of(1.0 - t, softplus(y)) + share_of(t, softplus(-y)); }
  /// With a weight of the positive class.
  auto cross_entropy(const auto& t, const auto& weight) const {
    return share_of(1.0 - t, softplus(y)) + share_of(weight * t, softplus(-y));
  }
};

namespace detail {

template <class Y>
inline constexpr bool is_dual_of_packs = false;
template <class V>
inline constexpr bool is_dual_of_packs<Dual<V>> = is_of_packs<V>;

/// sigmoid(a), sigmoid(-a), softplus(-a) and, for packs, exp(-a) for a >= 0.
template <class Y>
struct LogisticFunctions {
  Y likely, unlikely, price, odds;
};
template <class Y>
LogisticFunctions<Y> logistic_functions(const Y& a) {
  return {sigmoid(a), sigmoid(-a), softplus(-a), {}};
}
template <class T, int N>
PERDITA_INLINE LogisticFunctions<Pack<T, N>> logistic_functions(const Pack<T, N>& a) {
  const Pack<T, N> e = exp_full<false>(-a), likely = 1.0 / (1.0 + e);
  return {likely, e * likely, log1p_unit(e), e};
}
template <class V>
PERDITA_INLINE LogisticFunctions<Dual<V>> logistic_functions(const Dual<V>& a) {
  const LogisticFunctions<V> f = logistic_functions(a.v);
  const V slope = f.likely * f.unlikely * a.d;
  return {{f.likely, slope}, {f.unlikely, -slope}, {f.price, -(f.unlikely * a.d)}, {f.odds, -(f.odds * a.d)}};
}

template <class Y, class Condition>
struct StableLogit {
  Condition negative;
  Y magnitude;
  LogisticFunctions<Y> f;

  PERDITA_INLINE auto wrong(const auto& t) const {
    return f.unlikely + select(negative, t, 1.0 - t) * (f.likely - f.unlikely);
  }
  PERDITA_INLINE auto cross_entropy(const auto& t) const {
    const auto against = select(negative, t, 1.0 - t);
    auto price = share_in_sum(against, magnitude) + f.price;
    // The slope, against - sigmoid(-|y|), cancels where a label is nearly met: over the common denominator it does so
    // before anything is rounded but exp(-|y|).
    if constexpr (is_dual_of_packs<Y>) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(t)>, decltype(magnitude.v)>)
        price.d = (against - (1.0 - against) * f.odds.v) * f.likely.v * magnitude.d;
    }
    return price;
  }
  PERDITA_INLINE auto cross_entropy(const auto& t, const auto& weight) const {
    const auto positive = weight * t;
    const auto rest = 1.0 - t;
    return share_in_sum(select(negative, positive, rest), magnitude) + (positive + rest) * f.price;
  }
};

}  // namespace detail

template <class Y>
PERDITA_INLINE auto logit(const Y& y) {
  if constexpr (detail::is_of_packs<Y> || detail::is_of_executed<Y> || requires { y.shape(); }) {
    const auto negative = y < 0.0;
    const Y magnitude = select(negative, -y, y);
    return detail::StableLogit<Y, std::remove_cvref_t<decltype(negative)>>{negative, magnitude,
                                                                           detail::logistic_functions(magnitude)};
  } else {
    return Logit<Y>{y};
  }
}

}  // namespace perdita
