#include <cmath>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/expr/expr.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

namespace {

using DualExpr = Dual<Expr>;

// For which elements the rule hands on what arrives to operand i: nothing if for all. Also where an operand of min, max
// or a clamp is NaN, so that the gradient is.
std::optional<Expr> passes(const Expr& node, int i) {
  if (arity(node.op()) < 2) return {};
  const Expr &a = node.operand(0), &b = node.operand(1);
  switch (node.op()) {
    case Op::select:
      return i == 1 ? a : !a;
    case Op::zero_unless:
      return a;
    case Op::max:
      return i == 0 ? !(a < b) : !(a > b);
    case Op::min:
      return i == 0 ? !(a > b) : !(a < b);
    case Op::clamp_min:
      return i == 0 ? !(a <= b) : !(a > b);
    case Op::clamp_max:
      return i == 0 ? !(a >= b) : !(a < b);
    default:
      return {};
  }
}

bool is_finite_constant(const Expr& x) { return x.op() == Op::constant && std::isfinite(x.value()); }

// Whether operand i may have an infinite derivative.
bool may_be_steep(const Expr& node, int i) {
  switch (node.op()) {
    case Op::multiply:
      return !is_finite_constant(node.operand(1 - i));
    case Op::divide:
      return i == 1 || node.operand(1).op() != Op::constant;
    case Op::square:
    case Op::sqrt:
    case Op::exp:
    case Op::expm1:
    case Op::log:
    case Op::log1p:
    case Op::lgamma:
    case Op::digamma:
    case Op::expm1_minus_x:
    case Op::log1p_minus_x:
    case Op::pow:
    case Op::xlogy:
    case Op::log_ratio:
      return true;
    default:
      return false;
  }
}

// Constant between jumps: no gradient flows.
bool is_flat(Op op) { return op == Op::sign || is_truth(op); }

// The seed is the gradient that arrives, not one: the rules select and zero it, so that what arrives at a branch not
// taken is 0 even when it is not finite.
Expr pull_back(const Expr& node, const Expr& seed) {
  const DualExpr a{node.operand(0), seed};
  switch (node.op()) {
    case Op::negate:
      return (-a).d;
#define PERDITA_CASE(name) \
  case Op::name:           \
    return name(a).d;
      // clang-format off
    PERDITA_CASE(abs) PERDITA_CASE(square) PERDITA_CASE(sqrt) PERDITA_CASE(exp) PERDITA_CASE(expm1) PERDITA_CASE(log)
    PERDITA_CASE(log1p) PERDITA_CASE(sigmoid) PERDITA_CASE(log_sigmoid) PERDITA_CASE(softplus) PERDITA_CASE(tanh)
    PERDITA_CASE(log_cosh) PERDITA_CASE(expm1_minus_x) PERDITA_CASE(log1p_minus_x) PERDITA_CASE(erf)
    PERDITA_CASE(lgamma) PERDITA_CASE(digamma)
#undef PERDITA_CASE
    default:
      fail<GraphError>("gradient: {} has no derivative", name_of(node.op()));
      // clang-format on
  }
}

// One of a and b is a dual, the other the plain operand.
template <class A, class B>
Expr pull_back(Op op, const A& a, const B& b) {
  switch (op) {
    case Op::add:
      return (a + b).d;
    case Op::subtract:
      return (a - b).d;
    case Op::multiply:
      return (a * b).d;
    case Op::divide:
      return (a / b).d;
    case Op::min:
      return min(a, b).d;
    case Op::max:
      return max(a, b).d;
    case Op::clamp_min:
      return clamp_min(a, b).d;
    case Op::clamp_max:
      return clamp_max(a, b).d;
    case Op::xlogy:
      return xlogy(a, b).d;
    case Op::log_ratio:
      return log_ratio(a, b).d;
    case Op::hypot:
      return hypot(a, b).d;
    case Op::pow:
      return pow(a, b).d;
    default:
      fail<GraphError>("gradient: {} has no derivative", name_of(op));
  }
}

// To operand i of a node that has two or three.
Expr pull_back(const Expr& node, int i, const Expr& seed) {
  const Expr &a = node.operand(0), &b = node.operand(1);
  const DualExpr active{node.operand(i), seed};
  switch (node.op()) {
    case Op::select:
      if (i == 0) return 0.0;
      return i == 1 ? select(a, active, node.operand(2)).d : select(a, b, active).d;
    case Op::zero_unless:
      return i == 0 ? Expr(0.0) : zero_unless(a, active).d;
    case Op::flip_sign:
      return i == 0 ? flip_sign(active, b).d : Expr(0.0);
    case Op::pow:
      if (b.op() == Op::constant) return pow(active, b.value()).d;
      break;
    default:
      break;
  }
  return i == 0 ? pull_back(node.op(), active, b) : pull_back(node.op(), a, active);
}

}  // namespace

std::vector<Expr> gradient(const Expr& root, const Expr& upstream, std::span<const Expr> wrt) {
  const ExprOrder order(std::span(&root, 1));
  const auto size = static_cast<std::size_t>(order.size());
  const auto operand = [&order](std::size_t i, int k) {
    return static_cast<std::size_t>(order.operand(static_cast<int>(i), k));
  };
  const auto is_same = [](const Expr& node, const Expr& x) {
    return node.id() == x.id() || (node.op() == Op::input && x.op() == Op::input && node.index() == x.index());
  };

  std::vector<char> active(size);  // leads to a member of wrt
  for (std::size_t i = 0; i < size; ++i) {
    const Expr& node = order[static_cast<int>(i)];
    for (const Expr& x : wrt) active[i] |= is_same(node, x);
    for (int k = 0; k < arity(node.op()); ++k) active[i] |= active[operand(i, k)];
  }

  std::vector<std::optional<Expr>> arrived(size);
  // For which elements a node matters to the root. For others it gets 0, also where a derivative is infinite: by this
  // condition and not by what arrives, which may be 0 for a value and have a derivative all the same.
  std::vector<std::optional<Expr>> matters(size);
  const auto deliver = [](std::optional<Expr>& sum, Expr part) {
    if (part.is_constant(0.0)) return;
    sum = sum ? *sum + std::move(part) : std::move(part);
  };
  deliver(arrived[size - 1], upstream);
  for (std::size_t i = size; i-- > 0;) {
    const Expr& node = order[static_cast<int>(i)];
    if (!arrived[i] || !active[i] || is_flat(node.op())) continue;
    for (int k = 0; k < arity(node.op()); ++k) {
      const std::size_t below = operand(i, k);
      if (!active[below]) continue;
      Expr part = arity(node.op()) == 1 ? pull_back(node, *arrived[i]) : pull_back(node, k, *arrived[i]);
      if (part.is_constant(0.0)) continue;
      if (matters[i] && may_be_steep(node, k)) part = zero_unless(*matters[i], part);
      std::optional<Expr> here = passes(node, k);
      if (matters[i]) here = here ? *matters[i] & *here : *matters[i];
      if (!arrived[below])
        matters[below] = here;
      else if (matters[below])
        matters[below] = here ? std::optional(*matters[below] | *here) : std::nullopt;
      deliver(arrived[below], std::move(part));
    }
  }

  std::vector<Expr> result;
  for (const Expr& x : wrt) {
    std::optional<Expr> sum;  // an input may have been made several times
    for (std::size_t i = 0; i < size; ++i) {
      if (arrived[i] && is_same(order[static_cast<int>(i)], x)) deliver(sum, *arrived[i]);
    }
    result.push_back(sum ? *sum : Expr(0.0));
  }
  return result;
}

}  // namespace perdita
