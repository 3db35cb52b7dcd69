#include "perdita/losses/more_exact_forms.hpp"

#include <fmt/format.h>

#include "perdita/expr/order.hpp"

namespace perdita {

std::vector<std::string> more_exact_forms(const Expr& value) {
  std::vector<std::string> forms;
  const ExprOrder order(std::span(&value, 1));
  const auto is = [](const Expr& e, Op op) { return e.op() == op; };
  const auto is_one_and = [&](const Expr& e, Op op) {
    return is(e, Op::add) && ((e.operand(0).is_constant(1) && is(e.operand(1), op)) ||
                              (e.operand(1).is_constant(1) && is(e.operand(0), op)));
  };
  for (int i = 0; i < order.size(); ++i) {
    const Expr& e = order[i];
    std::string better;
    if ((is(e, Op::log) && is_one_and(e.operand(0), Op::exp)) || (is(e, Op::log1p) && is(e.operand(0), Op::exp)))
      better = "softplus(x) does not overflow";
    else if (is(e, Op::log) && is(e.operand(0), Op::sigmoid))
      better = "log_sigmoid(x) is finite for every x";
    else if (is(e, Op::divide) && e.operand(0).is_constant(1) && is_one_and(e.operand(1), Op::exp))
      better = "sigmoid(-x) does not overflow";
    else if (is(e, Op::subtract) && is(e.operand(0), Op::exp) && e.operand(1).is_constant(1))
      better = "expm1(x) keeps its digits near 0";
    else if (is(e, Op::log) && is(e.operand(0), Op::add) && e.operand(0).operand(0).is_constant(1))
      better = "log1p(x) keeps its digits near 0";
    if (!better.empty()) forms.push_back(fmt::format("{}: {}", to_text(e), better));
  }
  return forms;
}

}  // namespace perdita
