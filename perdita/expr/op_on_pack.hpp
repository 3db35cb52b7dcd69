// on_pack<op>: an operation of the list in expr_ops.hpp applied to packs, truth values being the numbers 0 and 1.
#pragma once

#include "perdita/expr/ops.hpp"
#include "perdita/math/functions.hpp"

namespace perdita {

template <class T, int N>
PERDITA_INLINE Mask<T, N> as_mask(const Pack<T, N>& truth) {
  return truth != Pack<T, N>(0.0);
}
template <class T, int N>
PERDITA_INLINE Pack<T, N> as_number(const Mask<T, N>& mask) {
  return zero_unless(mask, Pack<T, N>(1.0));
}
template <class T, int N>
PERDITA_INLINE Pack<T, N> as_number(const Pack<T, N>& number) {
  return number;
}

template <Op op, class P>
PERDITA_INLINE P on_pack(const P& a) {
  if constexpr (op == Op::negate) return -a;
  if constexpr (op == Op::logical_not) return as_number(!as_mask(a));
#define PERDITA_FUNCTION(name) \
  if constexpr (op == Op::name) return name(a);
  PERDITA_UNARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
}

template <Op op, class P>
PERDITA_INLINE P on_pack(const P& a, const P& b) {
  if constexpr (op == Op::logical_and) {
    return as_number(as_mask(a) & as_mask(b));
  } else if constexpr (op == Op::logical_or) {
    return as_number(as_mask(a) | as_mask(b));
  } else if constexpr (op == Op::zero_unless) {
    return zero_unless(as_mask(a), b);
  } else {
#define PERDITA_FUNCTION(name) \
  if constexpr (op == Op::name) return name(a, b);
#define PERDITA_OPERATOR(name, symbol) \
  if constexpr (op == Op::name) return as_number(a symbol b);
    PERDITA_FUNCTION(min)
    PERDITA_FUNCTION(max)
    PERDITA_FUNCTION(clamp_min)
    PERDITA_FUNCTION(clamp_max)
    PERDITA_FUNCTION(pow)
    PERDITA_FUNCTION(xlogy)
    PERDITA_FUNCTION(log_ratio)
    PERDITA_FUNCTION(hypot)
    PERDITA_FUNCTION(flip_sign)
    PERDITA_ARITHMETIC_OPERATORS(PERDITA_OPERATOR)
    PERDITA_OPERATOR(less, <)
    PERDITA_OPERATOR(less_equal, <=)
    PERDITA_OPERATOR(greater, >)
    PERDITA_OPERATOR(greater_equal, >=)
    PERDITA_OPERATOR(equal, ==)
    PERDITA_OPERATOR(not_equal, !=)
#undef PERDITA_OPERATOR
#undef PERDITA_FUNCTION
  }
}

template <Op op, class P>
PERDITA_INLINE P on_pack(const P& condition, const P& a, const P& b) {
  static_assert(op == Op::select);
  return select(as_mask(condition), a, b);
}

}  // namespace perdita
