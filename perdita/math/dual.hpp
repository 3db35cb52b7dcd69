// Dual<V>: a value and its derivative, carried through a formula together.
//
// Each rule is written once for every mix of active and passive operands. A passive operand (a literal, a target, a
// dual of a lower level) has the derivative Zero, a type whose algebra is resolved by the compiler, so a constant costs
// nothing. Dual<Dual<V>> gives second derivatives; Dual<Expr> gives formulas of gradients.
#pragma once

#include <concepts>
#include <type_traits>

#include "perdita/math/functions.hpp"

namespace perdita {

class Expr;
class ExecutedExpr;

/// The derivative of what does not depend on the input.
struct Zero {
  friend constexpr Zero operator+(Zero, Zero) { return {}; }
  friend constexpr Zero operator-(Zero, Zero) { return {}; }
  friend constexpr Zero operator-(Zero) { return {}; }
};
template <class V>
concept NotZero = !std::same_as<V, Zero>;
PERDITA_INLINE auto operator*(Zero, const auto&) { return Zero{}; }
PERDITA_INLINE auto operator*(const NotZero auto&, Zero) { return Zero{}; }
PERDITA_INLINE auto operator/(Zero, const auto&) { return Zero{}; }
PERDITA_INLINE auto operator+(Zero, const NotZero auto& x) { return x; }
PERDITA_INLINE auto operator+(const NotZero auto& x, Zero) { return x; }
PERDITA_INLINE auto operator-(Zero, const NotZero auto& x) { return -x; }
PERDITA_INLINE auto operator-(const NotZero auto& x, Zero) { return x; }
PERDITA_INLINE auto zero_unless(const auto&, Zero) { return Zero{}; }
PERDITA_INLINE auto select(const auto&, Zero, Zero) { return Zero{}; }
PERDITA_INLINE auto select(const auto& condition, const NotZero auto& a, Zero) { return zero_unless(condition, a); }
PERDITA_INLINE auto select(const auto& condition, Zero, const NotZero auto& b) { return zero_unless(!condition, b); }

template <class V>
struct Dual {
  V v;  ///< value
  V d;  ///< derivative

  Dual() = default;
  Dual(const V& value, const V& derivative) : v(value), d(derivative) {}
  /// A constant: a plain number, or a dual of a lower level.
  template <class T>
  requires(!std::same_as<T, Dual>) explicit Dual(const T& constant) : v(constant), d(0.0) {}
};

namespace detail {

template <class T>
inline constexpr int level = 0;
template <class V>
inline constexpr int level<Dual<V>> = level<V> + 1;

template <class X>
inline constexpr bool is_of_packs = false;
template <class T, int N>
inline constexpr bool is_of_packs<Pack<T, N>> = true;
template <class V>
inline constexpr bool is_of_packs<Dual<V>> = is_of_packs<V>;

/// Whether no derivative beyond the first is taken. Packs have none but those they carry; symbols and tensors may be
/// differentiated again.
template <class X>
inline constexpr bool ends_with_first_derivative = level<X> < 2 && is_of_packs<X>;

/// Whether rules call whole functions of V, and do not write out what value and derivative share: that is for a
/// compiler to find. Dual numbers have rules of their own, and a symbol's function is one step.
template <class V>
inline constexpr bool calls_functions = level<V> > 0;
template <>
inline constexpr bool calls_functions<Expr> = true;
template <>
inline constexpr bool calls_functions<ExecutedExpr> = true;

/// Whether these are symbols of a formula that is executed, not read.
template <class X>
inline constexpr bool is_of_executed = false;
template <>
inline constexpr bool is_of_executed<ExecutedExpr> = true;
template <class V>
inline constexpr bool is_of_executed<Dual<V>> = is_of_executed<V>;

/// Value and derivative of an operand, seen from level `top`.
template <int top, class T>
PERDITA_INLINE decltype(auto) value_at(const T& x) {
  if constexpr (level<T> == top)
    return (x.v);
  else
    return (x);
}
template <int top, class T>
PERDITA_INLINE decltype(auto) derivative_at(const T& x) {
  if constexpr (level<T> == top)
    return (x.d);
  else
    return Zero{};
}

template <class V, class D>
PERDITA_INLINE Dual<V> make_dual(const V& value, const D& derivative) {
  return {value, derivative};
}

/// The type of a dual's value; a passive plain number must become one before log() and select() know it.
template <class A, class B>
struct ValueOf;
template <class V, class B>
requires(level<B> <= level<Dual<V>>) struct ValueOf<Dual<V>, B> {
  using type = V;
};
template <class A, class V>
requires(level<A> < level<Dual<V>>) struct ValueOf<A, Dual<V>> {
  using type = V;
};

/// |x| for exp(-|x|) in a derivative. Symbols and tensors may be differentiated once more: theirs has a one-sided slope
/// at 0, where the two sides of the whole meet smoothly, and not |x|'s slope of 0.
template <class V>
PERDITA_INLINE V magnitude(const V& x) {
  if constexpr (std::is_arithmetic_v<V> || requires { x.raw; })
    return abs(x);
  else
    return select(x < 0.0, -x, x);
}

/// log1p of a number in [0, 1].
template <class V>
PERDITA_INLINE V log1p_of_unit(const V& x) {
  if constexpr (requires { log1p_unit(x); })
    return log1p_unit(x);
  else
    return log1p(x);
}

}  // namespace detail

template <class... T>
concept SomeDual = ((detail::level<T> > 0) || ...);

// ---- rules: one line of mathematics each; va, vb are values, da, db derivatives ----

#define PERDITA_UNARY_RULE(name, ...)             \
  template <class V>                              \
  PERDITA_INLINE Dual<V> name(const Dual<V>& a) { \
    [[maybe_unused]] const V& va = a.v;           \
    [[maybe_unused]] const V& da = a.d;           \
    __VA_ARGS__                                   \
  }
#define PERDITA_BINARY_RULE(name, ...)                                                               \
  template <class A, class B>                                                                        \
  requires SomeDual<A, B> PERDITA_INLINE auto name(const A& a, const B& b) {                         \
    constexpr int top = detail::level < A >> detail::level<B> ? detail::level<A> : detail::level<B>; \
    [[maybe_unused]] const auto& va = detail::value_at<top>(a);                                      \
    [[maybe_unused]] const auto& vb = detail::value_at<top>(b);                                      \
    [[maybe_unused]] const auto& da = detail::derivative_at<top>(a);                                 \
    [[maybe_unused]] const auto& db = detail::derivative_at<top>(b);                                 \
    __VA_ARGS__                                                                                      \
  }

PERDITA_BINARY_RULE(operator+, return detail::make_dual(va + vb, da + db);)
PERDITA_BINARY_RULE(operator-, return detail::make_dual(va - vb, da - db);)
PERDITA_BINARY_RULE(operator*, return detail::make_dual(va * vb, da* vb + va * db);)
PERDITA_BINARY_RULE(operator/, {
  if constexpr (std::is_arithmetic_v<A>) {  // one division: c / b and its slope share 1 / b
    const auto reciprocal = 1.0 / vb;
    const auto quotient = va * reciprocal;
    return detail::make_dual(quotient, -(quotient * reciprocal) * db);
  } else {
    const auto quotient = va / vb;
    return detail::make_dual(quotient, (da - quotient * db) / vb);
  }
})
PERDITA_BINARY_RULE(operator<, return va < vb;)
PERDITA_BINARY_RULE(operator<=, return va <= vb;)
PERDITA_BINARY_RULE(operator>, return va > vb;)
PERDITA_BINARY_RULE(operator>=, return va >= vb;)
PERDITA_BINARY_RULE(operator==, return va == vb;)
PERDITA_BINARY_RULE(operator!=, return va != vb;)

PERDITA_UNARY_RULE(operator-, return {-va, -da};)
// The subgradient of |x| at 0 is 0, as PyTorch's; so is that at NaN.
PERDITA_UNARY_RULE(abs, const V size = abs(va); return {size, zero_unless(size > 0.0, flip_sign(da, va))};)
PERDITA_UNARY_RULE(sign, return {sign(va), da * 0.0};)
PERDITA_UNARY_RULE(square, return {va * va, 2.0 * va* da};)
PERDITA_UNARY_RULE(sqrt, const V root = sqrt(va); return {root, 0.5 * da / root};)
PERDITA_UNARY_RULE(exp, const V e = exp(va); return {e, e* da};)
// e^x is not (e^x - 1) + 1, which cancels for negative x.
PERDITA_UNARY_RULE(expm1, return {expm1(va), exp(va) * da};)
PERDITA_UNARY_RULE(log, return {log(va), da / va};)
PERDITA_UNARY_RULE(expm1_minus_x, return {expm1_minus_x(va), expm1(va) * da};)
PERDITA_UNARY_RULE(log1p_minus_x, return {log1p_minus_x(va), -(va / (1.0 + va)) * da};)
// As a reciprocal, which a formula that also has 1 / (1 + x) shares.
PERDITA_UNARY_RULE(log1p, return {log1p(va), da*(1.0 / (1.0 + va))};)
// The derivatives below would cancel as 1 - s or 1 - t^2; in e = exp(-|x|), which the value needs as well, they do not.
// A dual that is itself differentiated takes smooth functions instead: |x| has no derivative at 0.
PERDITA_UNARY_RULE(sigmoid, {
  if constexpr (detail::calls_functions<V>) {
    const V s = sigmoid(va);
    return {s, s * sigmoid(-va) * da};
  } else {
    const V e = exp(-detail::magnitude(va));
    const V r = 1.0 / (1.0 + e);
    const V limit = select(va < 0.0, e, V(1.0));
    return {limit - limit * (e * r), e * r * r * da};
  }
})
// log(1 + exp(x)) = max(x, 0) + log1p(e); its derivative is sigmoid(x).
PERDITA_UNARY_RULE(softplus, {
  if constexpr (detail::calls_functions<V>) {
    return {softplus(va), sigmoid(va) * da};
  } else {
    const V e = exp(-detail::magnitude(va));
    const V r = 1.0 / (1.0 + e);
    return {max(va, V(0.0)) + detail::log1p_of_unit(e), select(va < 0.0, e * r, r) * da};
  }
})
PERDITA_UNARY_RULE(log_sigmoid, {
  if constexpr (detail::calls_functions<V>) {
    return {log_sigmoid(va), sigmoid(-va) * da};
  } else {
    const V e = exp(-detail::magnitude(va));
    const V r = 1.0 / (1.0 + e);
    return {min(va, V(0.0)) - detail::log1p_of_unit(e), select(va < 0.0, r, e * r) * da};
  }
})
PERDITA_UNARY_RULE(tanh, {
  if constexpr (detail::calls_functions<V>) {
    const V twice = 2.0 * va;
    return {tanh(va), 4.0 * sigmoid(twice) * sigmoid(-twice) * da};
  } else {
    const V e = exp(-2.0 * detail::magnitude(va));
    const V r = 1.0 / (1.0 + e);
    return {tanh(va), 4.0 * e * r * r * da};
  }
})
PERDITA_UNARY_RULE(log_cosh, return {log_cosh(va), tanh(va) * da};)
PERDITA_UNARY_RULE(erf, return {erf(va), 1.1283791670955126 * exp(-(va* va)) * da};)  // 2/sqrt(pi)
PERDITA_UNARY_RULE(lgamma, return {lgamma(va), digamma(va) * da};)
PERDITA_UNARY_RULE(digamma, return {digamma(va), trigamma(va) * da};)

namespace detail {

/// The values of clamp_min and clamp_max. Values that are dual numbers have derivatives, too, which are not those of
/// max and min.
template <class A, class B>
PERDITA_INLINE auto limited_below(const A& x, const B& low) {
  if constexpr (SomeDual<A, B>)
    return clamp_min(x, low);
  else
    return max(x, low);
}
template <class A, class B>
PERDITA_INLINE auto limited_above(const A& x, const B& high) {
  if constexpr (SomeDual<A, B>)
    return clamp_max(x, high);
  else
    return min(x, high);
}

}  // namespace detail

// At a tie max and min give half the gradient to each side, as torch.maximum does: the derivative of
// max(x, 0) + log1p(exp(-|x|)) at 0 is then 1/2, which is right. clamp_min and clamp_max pass nothing of x at the limit
// (as relu, and as torch.clamp since version 2.14), and nothing at NaN.
PERDITA_BINARY_RULE(max, {
  const auto smooth = select(va > vb, da, db);
  return detail::make_dual(max(va, vb), select(va == vb, 0.5 * (da + db), smooth));
})
PERDITA_BINARY_RULE(min, {
  const auto smooth = select(va < vb, da, db);
  return detail::make_dual(min(va, vb), select(va == vb, 0.5 * (da + db), smooth));
})
PERDITA_BINARY_RULE(clamp_min, return detail::make_dual(detail::limited_below(va, vb), select(va > vb, da, db));)
PERDITA_BINARY_RULE(clamp_max, return detail::make_dual(detail::limited_above(va, vb), select(va < vb, da, db));)

// d/da = b a^(b-1); d/db = a^b log a, which is 0 at a = 0 as in PyTorch.
PERDITA_BINARY_RULE(pow, {
  using V = typename detail::ValueOf<A, B>::type;
  const V base(va), exponent(vb), value = pow(base, exponent);
  const V log_slope = xlogy(value, select(base == 0.0, V(1.0), base));
  return detail::make_dual(value, exponent * pow(base, exponent - 1.0) * da + log_slope * db);
})
/// A fixed exponent, shared by all lanes: one power serves value and derivative wherever a * a^(n-1) is a^n.
template <class V, class Exponent>
requires std::is_arithmetic_v<Exponent> PERDITA_INLINE Dual<V> pow(const Dual<V>& a, Exponent exponent) {
  const double n = static_cast<double>(exponent);
  if (n == 0.0) return {V(1.0), a.d * 0.0};
  const V reduced = pow(a.v, n - 1.0);
  return {n >= 1.0 ? V(a.v * reduced) : V(pow(a.v, n)), n * reduced * a.d};
}
// a log b; at a = 0 it is 0 whatever b, and so are its derivatives, but for log b where that exists.
PERDITA_BINARY_RULE(xlogy, {
  using V = typename detail::ValueOf<A, B>::type;
  const V factor(va), x(vb);
  const auto present = factor != 0.0;
  return detail::make_dual(xlogy(factor, x),
                           zero_unless(present | !(x <= 0.0), log(x)) * da + zero_unless(present, factor / x) * db);
})

PERDITA_BINARY_RULE(log_ratio, return detail::make_dual(log_ratio(va, vb), da / va - db / vb);)
// The subgradient at (0, 0) is 0, as that of |x|.
PERDITA_BINARY_RULE(hypot, {
  using V = typename detail::ValueOf<A, B>::type;
  const V length = hypot(va, vb);
  const auto is_smooth = length > 0.0;
  return detail::make_dual(length, zero_unless(is_smooth, va / length) * da + zero_unless(is_smooth, vb / length) * db);
})

template <class M, class A, class B>
requires SomeDual<A, B> PERDITA_INLINE auto select(const M& condition, const A& a, const B& b) {
  constexpr int top = detail::level < A >> detail::level<B> ? detail::level<A> : detail::level<B>;
  return detail::make_dual(select(condition, detail::value_at<top>(a), detail::value_at<top>(b)),
                           select(condition, detail::derivative_at<top>(a), detail::derivative_at<top>(b)));
}
template <class M, class V>
PERDITA_INLINE Dual<V> zero_unless(const M& condition, const Dual<V>& a) {
  return {zero_unless(condition, a.v), zero_unless(condition, a.d)};
}
/// value(x), with slope(x) for a derivative by x: for the few places where a loss's gradient is defined to differ from
/// the derivative of its value (only where differs(x), if that is given). Anything but a dual takes the value alone.
template <class V, class Value, class Slope, class... Where>
PERDITA_INLINE Dual<V> with_slope(const Dual<V>& x, const Value& value, const Slope& slope, const Where&...) {
  return {value(x.v), slope(x.v) * x.d};
}
template <class X, class Value, class Slope, class... Where>
PERDITA_INLINE auto with_slope(const X& x, const Value& value, const Slope&, const Where&...) {
  return value(x);
}
template <class V, class S>
PERDITA_INLINE Dual<V> flip_sign(const Dual<V>& a, const S& s) {
  if constexpr (detail::level<S> == detail::level<Dual<V>>)
    return {flip_sign(a.v, s.v), flip_sign(a.d, s.v)};
  else
    return {flip_sign(a.v, s), flip_sign(a.d, s)};
}

#undef PERDITA_UNARY_RULE
#undef PERDITA_BINARY_RULE

}  // namespace perdita
