// Formulas evaluated one number at a time by the C library: what Expr, its gradient and Program are compared with.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/expr/order.hpp"

namespace perdita::test {

/// psi(x) for x > 0: recurrence up to 10, then the asymptotic series.
inline double digamma_reference(double x) {
  double below = 0.0;
  for (; x < 10.0; x += 1.0) below -= 1.0 / x;
  const double r = 1.0 / (x * x);
  return below + std::log(x) - 0.5 / x - r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r / 132))));
}

/// psi'(x) for x > 0.
inline double trigamma_reference(double x) {
  double below = 0.0;
  for (; x < 10.0; x += 1.0) below += 1.0 / (x * x);
  const double r = 1.0 / (x * x);
  return below + 1.0 / x + 0.5 * r +
         r / x * (1.0 / 6 - r * (1.0 / 30 - r * (1.0 / 42 - r * (1.0 / 30 - r * (5.0 / 66)))));
}

inline double max_reference(double a, double b) { return std::isnan(a) ? a : a > b ? a : b; }
inline double min_reference(double a, double b) { return std::isnan(a) ? a : a < b ? a : b; }

inline double reference(Op op, double a, double b = 0.0, double c = 0.0) {
  switch (op) {
    case Op::input:
    case Op::constant:
      return NAN;
    case Op::abs:
      return std::fabs(a);
    case Op::square:
      return a * a;
    case Op::sqrt:
      return std::sqrt(a);
    case Op::exp:
      return std::exp(a);
    case Op::expm1:
      return std::expm1(a);
    case Op::log:
      return std::log(a);
    case Op::log1p:
      return std::log1p(a);
    case Op::sigmoid:
      return 1.0 / (1.0 + std::exp(-a));
    case Op::log_sigmoid:
      return a < 0.0 ? a - std::log1p(std::exp(a)) : -std::log1p(std::exp(-a));
    case Op::softplus:
      return a > 0.0 ? a + std::log1p(std::exp(-a)) : std::log1p(std::exp(a));
    case Op::tanh:
      return std::tanh(a);
    case Op::log_cosh:
      return std::fabs(a) < 0.1 ? std::log1p(2.0 * std::pow(std::sinh(a / 2), 2))
                                : std::fabs(a) + std::log1p(std::exp(-2 * std::fabs(a))) - std::log(2.0);
    case Op::expm1_minus_x:
      return static_cast<double>(std::expm1(static_cast<long double>(a)) - static_cast<long double>(a));
    case Op::log1p_minus_x:
      return static_cast<double>(std::log1p(static_cast<long double>(a)) - static_cast<long double>(a));
    case Op::log_ratio:
      return a < 0 || b < 0 ? NAN
                            : static_cast<double>(std::log(static_cast<long double>(a) / static_cast<long double>(b)));
    case Op::hypot:
      return std::hypot(a, b);
    case Op::erf:
      return std::erf(a);
    case Op::lgamma:
      return std::lgamma(a);
    case Op::digamma:
      return digamma_reference(a);
    case Op::trigamma:
      return trigamma_reference(a);
    case Op::sign:
      return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a;
    case Op::negate:
      return -a;
    case Op::logical_not:
      return a == 0.0;
    case Op::min:
    case Op::clamp_max:
      return min_reference(a, b);
    case Op::max:
    case Op::clamp_min:
      return max_reference(a, b);
    case Op::pow:
      return std::pow(a, b);
    case Op::xlogy:
      return a == 0.0 && !std::isnan(b) ? 0.0 : a * std::log(b);
    case Op::flip_sign:
      return std::signbit(b) ? -a : a;
    case Op::zero_unless:
      return a != 0.0 ? b : 0.0;
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::less:
      return a < b;
    case Op::less_equal:
      return a <= b;
    case Op::greater:
      return a > b;
    case Op::greater_equal:
      return a >= b;
    case Op::equal:
      return a == b;
    case Op::not_equal:
      return a != b;
    case Op::logical_and:
      return a != 0.0 && b != 0.0;
    case Op::logical_or:
      return a != 0.0 || b != 0.0;
    case Op::select:
      return a != 0.0 ? b : c;
  }
  return NAN;
}

inline double reference(const Expr& root, std::span<const double> inputs) {
  const ExprOrder order(std::span(&root, 1));
  std::vector<double> value(static_cast<std::size_t>(order.size()));
  for (int i = 0; i < order.size(); ++i) {
    const Expr& node = order[i];
    double operand[3] = {};
    for (int k = 0; k < arity(node.op()); ++k) {
      operand[k] = value[static_cast<std::size_t>(order.position(node.operand(k)))];
    }
    double& result = value[static_cast<std::size_t>(i)];
    if (node.op() == Op::input)
      result = inputs[static_cast<std::size_t>(node.index())];
    else if (node.op() == Op::constant)
      result = node.value();
    else
      result = reference(node.op(), operand[0], operand[1], operand[2]);
  }
  return value.back();
}

}  // namespace perdita::test
