#include "perdita/expr/expr.hpp"

#include <bit>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/expr/fold.hpp"

namespace perdita {

namespace {

struct InputNode : ExprNode {
  std::string name;
  InputNode(int input_index, std::string input_name) : ExprNode(Input{}, input_index), name(std::move(input_name)) {}
};

}  // namespace

// A chain may be a million nodes long: operands that lose their last handle are queued, not destroyed in place.
void ExprNode::destroy(ExprNode* node) {
  node->next = nullptr;
  while (node) {
    ExprNode* pending = node->next;
    for (Expr& operand : node->operands) {
      ExprNode* below = std::exchange(operand.node_, nullptr);
      if (below && below->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        below->next = std::exchange(pending, below);
      }
    }
    if (node->op == Op::input)
      delete static_cast<InputNode*>(node);
    else
      delete node;
    node = pending;
  }
}

Expr::Expr(double value) : node_(new ExprNode(value)) {}

Expr Expr::input(int index, std::string name) {
  if (index < 0) fail<IndexError>("Expr::input: index is {} (valid: 0 or more)", index);
  return Expr(new InputNode(index, std::move(name)));
}

const std::string& Expr::name() const { return static_cast<const InputNode*>(node_)->name; }
namespace {

bool is_constant(const Expr& a) { return a.op() == Op::constant; }

bool same(const Expr& a, const Expr& b) {
  return a.id() == b.id() || (is_constant(a) && is_constant(b) &&
                              std::bit_cast<std::uint64_t>(a.value()) == std::bit_cast<std::uint64_t>(b.value()));
}

}  // namespace

Expr Expr::apply(Op op, Expr a) {
  if (::perdita::is_constant(a)) return fold(op, a.value());
  if (op == Op::negate && a.op() == Op::negate) return a.operand(0);
  if (op == Op::logical_not && a.op() == Op::logical_not && is_truth(a.operand(0).op())) return a.operand(0);
  return Expr(new ExprNode(op, std::move(a)));
}

Expr Expr::apply(Op op, Expr a, Expr b) {
  const bool a_known = ::perdita::is_constant(a), b_known = ::perdita::is_constant(b);
  if (a_known && b_known) return fold(op, a.value(), b.value());
  switch (op) {
    case Op::add:
      if (b.is_constant(0.0)) return a;
      if (a.is_constant(0.0)) return b;
      if (b.op() == Op::negate) return apply(Op::subtract, std::move(a), b.operand(0));
      if (a.op() == Op::negate) return apply(Op::subtract, std::move(b), a.operand(0));
      break;
    case Op::subtract:
      if (b.is_constant(0.0)) return a;
      if (a.is_constant(0.0)) return apply(Op::negate, std::move(b));
      if (b.op() == Op::negate) return apply(Op::add, std::move(a), b.operand(0));
      break;
    case Op::multiply:
      if (b.is_constant(1.0)) return a;
      if (a.is_constant(1.0)) return b;
      if (b.is_constant(-1.0)) return apply(Op::negate, std::move(a));
      if (a.is_constant(-1.0)) return apply(Op::negate, std::move(b));
      if (a.op() == Op::negate && b.op() == Op::negate) return apply(op, a.operand(0), b.operand(0));
      break;
    case Op::divide:
      if (b.is_constant(1.0)) return a;
      if (b.is_constant(-1.0)) return apply(Op::negate, std::move(a));
      break;
    case Op::pow:
      if (b.is_constant(0.0)) return 1.0;
      if (b.is_constant(1.0)) return a;
      if (b.is_constant(2.0)) return apply(Op::square, std::move(a));
      break;
    case Op::min:
    case Op::max:
      if (same(a, b)) return a;
      break;
    case Op::flip_sign:
      if (b_known) return std::signbit(b.value()) ? apply(Op::negate, std::move(a)) : a;
      break;
    case Op::zero_unless:
      if (a_known) return a.value() != 0.0 ? b : Expr(0.0);
      if (b.is_constant(0.0)) return 0.0;
      if (b.is_constant(1.0) && is_truth(a.op())) return a;
      break;
    default:
      break;
  }
  return Expr(new ExprNode(op, std::move(a), std::move(b)));
}

Expr Expr::apply(Op op, Expr a, Expr b, Expr c) {
  if (::perdita::is_constant(a)) return a.value() != 0.0 ? b : c;
  if (same(b, c)) return b;
  return Expr(new ExprNode(op, std::move(a), std::move(b), std::move(c)));
}

std::string_view name_of(Op op) {
  constexpr std::string_view names[] = {
      "input", "constant",
#define PERDITA_NAME(name, ...) #name,
      PERDITA_UNARY_FUNCTIONS(PERDITA_NAME) PERDITA_UNARY_OPERATORS(PERDITA_NAME) PERDITA_BINARY_FUNCTIONS(PERDITA_NAME)
          PERDITA_ARITHMETIC_OPERATORS(PERDITA_NAME) PERDITA_TRUTH_OPERATORS(PERDITA_NAME)
#undef PERDITA_NAME
              "select"};
  return names[static_cast<std::size_t>(op)];
}

}  // namespace perdita
