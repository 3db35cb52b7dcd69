#include "perdita/expr/formula_functions.hpp"

#include <algorithm>
#include <limits>

namespace perdita {

namespace {

constexpr int many = std::numeric_limits<int>::max();

template <Op op>
Expr call_op(std::span<const Expr> x) {
  if constexpr (arity(op) == 1) return Expr::apply(op, x[0]);
  if constexpr (arity(op) == 2) return Expr::apply(op, x[0], x[1]);
  if constexpr (arity(op) == 3) return Expr::apply(op, x[0], x[1], x[2]);
}

/// min(a, b, c) = min(min(a, b), c).
template <Op op>
Expr call_chain(std::span<const Expr> x) {
  Expr result = x[0];
  for (const Expr& next : x.subspan(1)) result = Expr::apply(op, result, next);
  return result;
}

Expr call_clamp(std::span<const Expr> x) { return clamp(x[0], x[1], x[2]); }
Expr call_copy_sign(std::span<const Expr> x) { return copy_sign(x[0], x[1]); }

constexpr FormulaFunction functions[] = {
    {"abs", "x", "Absolute value; its derivative at 0 is 0.", 1, 1, call_op<Op::abs>},
    {"clamp", "x min max", "x, but at least min and at most max.", 3, 3, call_clamp},
    {"clamp_max", "x max", "", 2, 2, call_op<Op::clamp_max>},
    {"clamp_min", "x min", "", 2, 2, call_op<Op::clamp_min>},
    {"copy_sign", "x y", "The absolute value of x with the sign of y.", 2, 2, call_copy_sign},
    {"digamma", "x", "Derivative of lgamma.", 1, 1, call_op<Op::digamma>},
    {"erf", "x", "Error function.", 1, 1, call_op<Op::erf>},
    {"exp", "x", "e to the power of x.", 1, 1, call_op<Op::exp>},
    {"expm1", "x", "exp(x) - 1, exact for x near 0.", 1, 1, call_op<Op::expm1>},
    {"expm1_minus_x", "x", "exp(x) - 1 - x, exact for x near 0.", 1, 1, call_op<Op::expm1_minus_x>},
    {"flip_sign", "x y", "", 2, 2, call_op<Op::flip_sign>},
    {"hypot", "x y", "sqrt(x^2 + y^2), without overflow of the squares.", 2, 2, call_op<Op::hypot>},
    {"lgamma", "x", "Logarithm of the absolute value of the gamma function.", 1, 1, call_op<Op::lgamma>},
    {"log", "x", "Natural logarithm; -inf at 0, NaN below.", 1, 1, call_op<Op::log>},
    {"log1p", "x", "log(1 + x), exact for x near 0.", 1, 1, call_op<Op::log1p>},
    {"log1p_minus_x", "x", "log(1 + x) - x, exact for x near 0.", 1, 1, call_op<Op::log1p_minus_x>},
    {"log_cosh", "x", "log(cosh(x)), without overflow.", 1, 1, call_op<Op::log_cosh>},
    {"log_ratio", "x y", "log(x / y) of x, y >= 0, exact for x near y; x / y may overflow.", 2, 2,
     call_op<Op::log_ratio>},
    {"log_sigmoid", "x", "log(sigmoid(x)), without underflow.", 1, 1, call_op<Op::log_sigmoid>},
    {"max", "a b *more", "The larger of two or more numbers; NaN if one is NaN. Numbers that tie share the derivative.",
     2, many, call_chain<Op::max>},
    {"min", "a b *more",
     "The smaller of two or more numbers; NaN if one is NaN. Numbers that tie share the derivative.", 2, many,
     call_chain<Op::min>},
    {"pow", "x y", "x to the power of y, as x ** y.", 2, 2, call_op<Op::pow>},
    {"select", "condition a b", "a where the condition is not 0, b elsewhere; the other one gets no derivative.", 3, 3,
     call_op<Op::select>},
    {"sigmoid", "x", "1 / (1 + exp(-x)).", 1, 1, call_op<Op::sigmoid>},
    {"sign", "x", "-1, 0 or 1; its derivative is 0.", 1, 1, call_op<Op::sign>},
    {"softplus", "x", "log(1 + exp(x)), without overflow.", 1, 1, call_op<Op::softplus>},
    {"sqrt", "x", "Square root; NaN below 0.", 1, 1, call_op<Op::sqrt>},
    {"square", "x", "x * x.", 1, 1, call_op<Op::square>},
    {"tanh", "x", "Hyperbolic tangent.", 1, 1, call_op<Op::tanh>},
    {"trigamma", "x", "", 1, 1, call_op<Op::trigamma>},  // the derivative of digamma; has none itself
    {"xlogy", "x y", "x * log(y), which is 0 where x is 0, for every y except NaN.", 2, 2, call_op<Op::xlogy>},
    {"zero_unless", "condition x", "", 2, 2, call_op<Op::zero_unless>},
};
static_assert(std::ranges::is_sorted(functions, {}, &FormulaFunction::name));

}  // namespace

std::span<const FormulaFunction> formula_functions() { return functions; }

const FormulaFunction* find_formula_function(std::string_view name) {
  const auto* const found = std::ranges::find(functions, name, &FormulaFunction::name);
  return found == std::end(functions) ? nullptr : found;
}

std::string formula_function_names(std::string_view separator) {
  std::string names;
  for (const FormulaFunction& function : functions) {
    if (function.description.empty()) continue;
    if (!names.empty()) names += separator;
    names += function.name;
  }
  return names;
}

}  // namespace perdita
