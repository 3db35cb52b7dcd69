#include "perdita/expr/zero.hpp"

#include <vector>

#include "perdita/expr/order.hpp"

namespace perdita {

namespace {

/// From which operands of `node` are zero, is_zero_at(k).
template <class IsZero>
bool is_zero_of(const Expr& node, const IsZero& is_zero_at) {
  switch (node.op()) {
    case Op::constant:
      return node.value() == 0;
    case Op::negate:
    case Op::abs:
    case Op::square:
    case Op::sqrt:
    case Op::expm1:
    case Op::log1p:
    case Op::tanh:
    case Op::log_cosh:
    case Op::expm1_minus_x:
    case Op::log1p_minus_x:
    case Op::erf:
    case Op::sign:
    case Op::divide:
    case Op::xlogy:
    case Op::flip_sign:
      return is_zero_at(0);
    case Op::pow:
      return is_zero_at(0) && node.operand(1).op() == Op::constant && node.operand(1).value() > 0;
    case Op::multiply:
    case Op::logical_and:
      return is_zero_at(0) || is_zero_at(1);
    case Op::add:
    case Op::subtract:
    case Op::min:
    case Op::max:
    case Op::clamp_min:
    case Op::clamp_max:
    case Op::hypot:
    case Op::logical_or:
      return is_zero_at(0) && is_zero_at(1);
    case Op::zero_unless:
      return is_zero_at(0) || is_zero_at(1);
    case Op::select:
      return is_zero_at(1) && is_zero_at(2);
    default:
      return false;
  }
}

}  // namespace

bool is_zero(const Expr& value) {
  const ExprOrder order(std::span(&value, 1));
  std::vector<char> zero;
  for (int i = 0; i < order.size(); ++i)
    zero.push_back(
        is_zero_of(order[i], [&](int k) { return zero[static_cast<std::size_t>(order.operand(i, k))] != 0; }));
  return zero.back() != 0;
}

}  // namespace perdita
