// The operations of formulas: one list, from which come the enumeration, the functions of Expr, constant folding,
// gradients and the primitives of the block evaluator.
#pragma once

#include <cstdint>

namespace perdita {

// clang-format off
// X(name): a function of that name, with that many arguments, which packs have too.
#define PERDITA_UNARY_FUNCTIONS(X)                                                                                \
  X(abs) X(square) X(sqrt) X(exp) X(expm1) X(log) X(log1p) X(sigmoid) X(log_sigmoid) X(softplus) X(tanh) X(log_cosh) \
  X(expm1_minus_x) X(log1p_minus_x) X(erf) X(lgamma) X(digamma) X(trigamma) X(sign)
#define PERDITA_BINARY_FUNCTIONS(X) \
  X(min) X(max) X(clamp_min) X(clamp_max) X(pow) X(xlogy) X(log_ratio) X(hypot) X(flip_sign) X(zero_unless)

// X(name, symbol): an operator.
#define PERDITA_UNARY_OPERATORS(X) X(negate, -) X(logical_not, !)
#define PERDITA_ARITHMETIC_OPERATORS(X) X(add, +) X(subtract, -) X(multiply, *) X(divide, /)
// Their value is 0 or 1; as operands of & | ! and as conditions, all but 0 is true.
#define PERDITA_TRUTH_OPERATORS(X)                                                                              \
  X(less, <) X(less_equal, <=) X(greater, >) X(greater_equal, >=) X(equal, ==) X(not_equal, !=) X(logical_and, &) \
  X(logical_or, |)
// clang-format on

enum class Op : std::uint8_t {
  input,
  constant,
#define PERDITA_NAME(name, ...) name,
  PERDITA_UNARY_FUNCTIONS(PERDITA_NAME) PERDITA_UNARY_OPERATORS(PERDITA_NAME) PERDITA_BINARY_FUNCTIONS(PERDITA_NAME)
      PERDITA_ARITHMETIC_OPERATORS(PERDITA_NAME) PERDITA_TRUTH_OPERATORS(PERDITA_NAME)
#undef PERDITA_NAME
          select
};

/// Number of operands.
constexpr int arity(Op op) { return 2 - (op <= Op::logical_not) - (op <= Op::constant) + (op == Op::select); }

/// Whether the value is always 0 or 1.
constexpr bool is_truth(Op op) { return op == Op::logical_not || (op >= Op::less && op <= Op::logical_or); }

}  // namespace perdita
