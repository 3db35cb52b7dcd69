#include "perdita/expr/cpp.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/expr/print.hpp"

namespace perdita {

namespace {

Notation number(double value) {
  const bool is_negative = std::signbit(value) && !std::isnan(value);
  std::string text = fmt::format("{}", std::abs(value));
  if (std::isnan(value)) text = "std::numeric_limits<double>::quiet_NaN()";
  if (std::isinf(value)) text = "std::numeric_limits<double>::infinity()";
  if (std::isfinite(value) && text.find_first_of(".e") == text.npos) text += ".0";
  return {{is_negative ? fmt::format("-{}", text) : text}, is_negative ? Binding::sign : Binding::atom};
}

/// Whether operand k is a condition: every number except 0 is true.
bool takes_condition(Op op, int k) {
  if (op == Op::select || op == Op::zero_unless) return k == 0;
  return op == Op::logical_not || op == Op::logical_and || op == Op::logical_or;
}

/// Appends operand k as a condition.
void add_condition(Notation& notation, const Expr& e, int k, Binding place) {
  const Expr& operand = e.operand(k);
  if (is_truth(operand.op())) {
    notation.pieces.push_back({operand, place});
    return;
  }
  const bool enclose = place > Binding::comparison;
  if (enclose) notation.pieces.push_back("(");
  notation.pieces.push_back({operand, Binding::sum});
  notation.pieces.push_back(enclose ? " != 0.0)" : " != 0.0");
}

// Compilers ask for parentheses around the comparisons.
Notation logical(const Expr& e, std::string_view symbol, Binding binding) {
  Notation notation{{}, binding};
  add_condition(notation, e, 0, Binding::sum);
  notation.pieces.push_back(symbol);
  add_condition(notation, e, 1, Binding::sum);
  return notation;
}

/// select(condition, a, b) and zero_unless(condition, a).
Notation conditional(const Expr& e) {
  Notation notation{{name_of(e.op()), "("}, Binding::atom};
  add_condition(notation, e, 0, Binding::none);
  for (int k = 1; k < arity(e.op()); ++k) {
    notation.pieces.push_back(", ");
    notation.pieces.push_back({e.operand(k), Binding::none});
  }
  notation.pieces.push_back(")");
  return notation;
}

Notation notate_cpp(const Expr& e) {
  switch (e.op()) {
    case Op::input:
      return {{e.name()}, Binding::atom};
    case Op::constant:
      return number(e.value());
    case Op::negate:
      return {{"-", {e.operand(0), Binding::atom}}, Binding::sign};  // "--y" would be a decrement
    case Op::logical_not: {
      Notation notation{{"!"}, Binding::sign};
      add_condition(notation, e, 0, Binding::atom);
      return notation;
    }
    case Op::logical_and:
      return logical(e, " & ", Binding::conjunction);
    case Op::logical_or:
      return logical(e, " | ", Binding::disjunction);
    case Op::select:
    case Op::zero_unless:
      return conditional(e);
    default:
      return common_notation(e);
  }
}

/// Throws ValueError where a comparison is used as a number.
void check_comparisons(const ExprOrder& order) {
  if (is_truth(order[order.size() - 1].op())) fail<ValueError>("to_cpp: the formula is a comparison (valid: a number)");
  for (int i = 0; i < order.size(); ++i) {
    const Op op = order[i].op();
    for (int k = 0; k < arity(op); ++k) {
      if (is_truth(order[order.operand(i, k)].op()) && !takes_condition(op, k))
        fail<ValueError>("to_cpp: a comparison is used as a number (valid: select(condition, a, b))");
    }
  }
}

/// Names a, b, ..., z, a1, ... that are not those of inputs.
class Names {
 public:
  explicit Names(std::span<const std::string> inputs) : inputs_(inputs) {}
  std::string next() {
    for (;;) {
      const int count = count_++;
      std::string name(1, static_cast<char>('a' + count % 26));
      if (count >= 26) name += fmt::format("{}", count / 26);
      if (std::ranges::find(inputs_, name) == inputs_.end()) return name;
    }
  }

 private:
  std::span<const std::string> inputs_;
  int count_ = 0;
};

Expr with_operands(Op op, const std::array<Expr, 3>& x) {
  if (arity(op) == 1) return Expr::apply(op, x[0]);
  return arity(op) == 2 ? Expr::apply(op, x[0], x[1]) : Expr::apply(op, x[0], x[1], x[2]);
}

std::string print_cpp(const Expr& e) { return print(e, notate_cpp, {"(", ")"}); }

}  // namespace

std::string to_cpp(const Expr& expr, std::span<const std::string> inputs) {
  const ExprOrder order(std::span(&expr, 1));
  check_comparisons(order);
  std::vector<int> uses(static_cast<std::size_t>(order.size()));
  for (int i = 0; i < order.size(); ++i)
    for (int k = 0; k < arity(order[i].op()); ++k) ++uses[static_cast<std::size_t>(order.operand(i, k))];

  // The nodes, with variables in the place of values that are used several times.
  std::vector<Expr> nodes;
  std::string variables;
  Names names(inputs);
  for (int i = 0; i < order.size(); ++i) {
    const Op op = order[i].op();
    Expr node = order[i];
    if (op == Op::input) node = Expr::input(node.index(), inputs[static_cast<std::size_t>(node.index())]);
    if (arity(op) > 0) {
      std::array<Expr, 3> operands{0.0, 0.0, 0.0};
      for (int k = 0; k < arity(op); ++k)
        operands[static_cast<std::size_t>(k)] = nodes[static_cast<std::size_t>(order.operand(i, k))];
      node = with_operands(op, operands);
    }
    if (uses[static_cast<std::size_t>(i)] > 1 && arity(op) > 0 && !is_truth(op)) {
      const std::string name = names.next();
      variables += fmt::format("  const auto {} = {};\n", name, print_cpp(node));
      node = Expr::input(static_cast<int>(inputs.size()) + i, name);
    }
    nodes.push_back(std::move(node));
  }
  std::vector<std::string> arguments;
  for (const std::string& input : inputs) arguments.push_back(input.empty() ? "auto" : fmt::format("auto {}", input));
  const std::string head = fmt::format("[]({})", fmt::join(arguments, ", ")), result = print_cpp(nodes.back());
  return variables.empty() ? fmt::format("{} {{ return {}; }}", head, result)
                           : fmt::format("{} {{\n{}  return {};\n}}", head, variables, result);
}

}  // namespace perdita
