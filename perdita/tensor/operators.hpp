// Elementwise operators and functions of tensors: a Tensor is a number type like Pack, Dual and Expr, so a formula
// written for them takes tensors too.
//
// Operands are broadcast by NumPy's rules; plain numbers do not change a floating dtype. + - * - abs sign square min
// max clamp and comparisons support integers; all other functions convert them to float32. Comparisons return bool.
// Kinks as in PyTorch: max and min share the gradient at a tie, clamp* pass it at the bound, abs has 0 at 0.
#pragma once

#include <concepts>

#include "perdita/expr/ops.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita {

namespace detail {

/// A tensor or a plain number, for the time of a call.
struct Argument {
  Argument(const Tensor& tensor_) : tensor(&tensor_) {}
  template <Number T>
  Argument(T number)
      : value(static_cast<double>(number)),
        kind(std::is_same_v<T, bool> ? DType::boolean
             : std::is_integral_v<T> ? DType::int64
                                     : DType::float32) {}
  const Tensor* tensor = nullptr;
  double value = 0;
  DType kind = DType::float32;
};

Tensor apply(Op op, const Argument& a);
Tensor apply(Op op, const Argument& a, const Argument& b);
Tensor apply(Op op, const Argument& a, const Argument& b, const Argument& c);

template <class T>
inline constexpr bool is_tensor = std::derived_from<T, Tensor>;

}  // namespace detail

/// Tensors and plain numbers, at least one of them a tensor.
template <class... T>
concept TensorOperands = (detail::is_tensor<T> || ...) && ((detail::is_tensor<T> || Number<T>)&&...);

/// Functions of one tensor.
#define PERDITA_FUNCTION(name) \
  inline Tensor name(const Tensor& a) { return detail::apply(Op::name, a); }
PERDITA_UNARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
/// Operators of one tensor.
#define PERDITA_OPERATOR(name, symbol) \
  inline Tensor operator symbol(const Tensor& a) { return detail::apply(Op::name, a); }
PERDITA_UNARY_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR
/// Functions of two operands.
#define PERDITA_FUNCTION(name) \
  template <class A, class B>  \
  requires TensorOperands<A, B> Tensor name(const A& a, const B& b) { return detail::apply(Op::name, a, b); }
PERDITA_BINARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
/// Operators of two operands.
#define PERDITA_OPERATOR(name, symbol) \
  template <class A, class B>          \
  requires TensorOperands<A, B> Tensor operator symbol(const A& a, const B& b) { return detail::apply(Op::name, a, b); }
PERDITA_ARITHMETIC_OPERATORS(PERDITA_OPERATOR)
PERDITA_TRUTH_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR

/// a where the condition holds, b elsewhere.
template <class C, class A, class B>
requires TensorOperands<C, A, B> Tensor select(const C& condition, const A& a, const B& b) {
  return detail::apply(Op::select, condition, a, b);
}
template <class C, class A, class B>
requires TensorOperands<C, A, B> Tensor where(const C& condition, const A& a, const B& b) {
  return detail::apply(Op::select, condition, a, b);
}
template <class A, class L, class H>
requires TensorOperands<A, L, H> Tensor clamp(const A& x, const L& low, const H& high) {
  return detail::apply(Op::clamp_max, detail::apply(Op::clamp_min, x, low), high);
}
/// max(x, 0); its derivative at 0 is 0.
inline Tensor relu(const Tensor& x) { return select(x <= 0.0, 0.0, x); }

}  // namespace perdita
