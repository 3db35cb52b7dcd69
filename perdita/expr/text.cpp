#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/expr/expr.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/expr/print.hpp"

namespace perdita {

namespace {

// Shared subexpressions are printed wherever they are used: x = x * x, sixty times, would fill the disk.
void check_length(const Expr& root) {
  constexpr double limit = 1e6;
  const ExprOrder order(std::span(&root, 1));
  std::vector<double> length(static_cast<std::size_t>(order.size()), 1.0);
  for (int i = 0; i < order.size(); ++i) {
    for (int k = 0; k < arity(order[i].op()); ++k) {
      length[static_cast<std::size_t>(i)] += length[static_cast<std::size_t>(order.operand(i, k))];
    }
  }
  if (length.back() > limit) {
    fail<ValueError>("print: the formula has {:.3g} operations when written out (valid: at most {:.0f})", length.back(),
                     limit);
  }
}

/// "log1p(a)", by the name of the operation.
Notation call_notation(const Expr& e) {
  Notation notation{{name_of(e.op()), "("}, Binding::atom};
  for (int i = 0; i < arity(e.op()); ++i) {
    if (i > 0) notation.pieces.push_back(", ");
    notation.pieces.push_back({e.operand(i), Binding::none});
  }
  notation.pieces.push_back(")");
  return notation;
}

Notation notate_text(const Expr& e) {
  switch (e.op()) {
    case Op::input:
      return {{e.name()}, Binding::atom};
    case Op::constant:
      return {{fmt::format("{}", e.value())}, std::signbit(e.value()) ? Binding::sign : Binding::atom};
    case Op::negate:
      return {{"-", {e.operand(0), Binding::sign}}, Binding::sign};
    case Op::logical_not:
      return {{"!", {e.operand(0), Binding::sign}}, Binding::sign};
    case Op::square:
      return {{{e.operand(0), Binding::atom}, "^2"}, Binding::power};
    case Op::pow:
      return {{{e.operand(0), Binding::atom}, "^", {e.operand(1), Binding::power}}, Binding::power};
    case Op::logical_and:
      return infix_notation(e, "&", Binding::conjunction);
    case Op::logical_or:
      return infix_notation(e, "|", Binding::disjunction);
    default:
      return common_notation(e);
  }
}

}  // namespace

Notation infix_notation(const Expr& e, std::string_view symbol, Binding binding) {
  // a - (b - c) is not (a - b) - c; a chain of comparisons would be read as Python's.
  const Binding left = binding == Binding::comparison ? tighter(binding) : binding;
  return {{{e.operand(0), left}, fmt::format(" {} ", symbol), {e.operand(1), tighter(binding)}}, binding};
}

Notation common_notation(const Expr& e) {
  switch (e.op()) {
    case Op::multiply:
      return infix_notation(e, "*", Binding::product);
    case Op::divide:
      return infix_notation(e, "/", Binding::product);
    case Op::add:
      return infix_notation(e, "+", Binding::sum);
    case Op::subtract:
      return infix_notation(e, "-", Binding::sum);
    case Op::less:
      return infix_notation(e, "<", Binding::comparison);
    case Op::less_equal:
      return infix_notation(e, "<=", Binding::comparison);
    case Op::greater:
      return infix_notation(e, ">", Binding::comparison);
    case Op::greater_equal:
      return infix_notation(e, ">=", Binding::comparison);
    case Op::equal:
      return infix_notation(e, "==", Binding::comparison);
    case Op::not_equal:
      return infix_notation(e, "!=", Binding::comparison);
    default:
      return call_notation(e);
  }
}

std::string print(const Expr& root, Notation (*notate)(const Expr&), Parentheses parentheses) {
  check_length(root);
  std::string text;
  std::vector<Piece> waiting{{root, Binding::none}};  // the next piece is the last
  while (!waiting.empty()) {
    const Piece piece = std::move(waiting.back());
    waiting.pop_back();
    text += piece.text;
    if (!piece.operand) continue;
    Notation notation = notate(*piece.operand);
    const bool enclose = notation.binding < piece.place;
    if (enclose) text += parentheses.open;
    if (enclose) waiting.push_back(parentheses.close);
    std::move(notation.pieces.rbegin(), notation.pieces.rend(), std::back_inserter(waiting));
  }
  return text;
}

std::string to_text(const Expr& expr) { return print(expr, notate_text, {"(", ")"}); }

}  // namespace perdita
