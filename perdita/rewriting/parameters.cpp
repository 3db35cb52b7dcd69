#include "perdita/rewriting/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "perdita/expr/order.hpp"
#include "perdita/rewriting/wide_interval.hpp"

namespace perdita::rewriting {

namespace {

/// Whether rules may refer to the number: 0, 1, 0.5 and so on.
bool is_short(double number) {
  return !std::isfinite(number) || is_named_constant(number) ||
         (std::abs(number) <= 64 && 8 * number == std::floor(8 * number));
}

/// The formula with leaves replaced.
Expr with_leaves(const Expr& formula, const std::function<Expr(const Expr&)>& leaf) {
  const ExprOrder order(std::span(&formula, 1));
  std::vector<Expr> made;
  for (int i = 0; i < order.size(); ++i) {
    const Op op = order[i].op();
    const auto operand = [&](int k) { return made[static_cast<std::size_t>(order.operand(i, k))]; };
    if (arity(op) == 0) made.push_back(leaf(order[i]));
    if (arity(op) == 1) made.push_back(Expr::apply(op, operand(0)));
    if (arity(op) == 2) made.push_back(Expr::apply(op, operand(0), operand(1)));
    if (arity(op) == 3) made.push_back(Expr::apply(op, operand(0), operand(1), operand(2)));
  }
  return made.back();
}

}  // namespace

Parameters::Parameters(const Expr& formula, std::size_t variables) : variables_(variables), formula_(formula) {
  formula_ = with_leaves(formula, [this](const Expr& leaf) {
    if (leaf.op() != Op::constant || is_short(leaf.value())) return leaf;
    auto found = std::ranges::find(values_, leaf.value());
    if (found == values_.end()) found = values_.insert(values_.end(), leaf.value());
    const auto number = static_cast<std::size_t>(found - values_.begin());
    return Expr::input(static_cast<int>(variables_ + number), fmt::format("{}", leaf.value()));
  });
}

Expr Parameters::with_constants(const Expr& formula) const {
  return with_leaves(formula, [this](const Expr& leaf) {
    if (leaf.op() != Op::input || static_cast<std::size_t>(leaf.index()) < variables_) return leaf;
    return Expr(values_[static_cast<std::size_t>(leaf.index()) - variables_]);
  });
}

Points Parameters::with_columns(Points points) const {
  const std::size_t count = points.size();
  for (const double value : values_) points.columns.emplace_back(count, value);
  return points;
}

std::vector<std::string> Parameters::names() const {
  std::vector<std::string> names;
  for (const double value : values_) names.push_back(fmt::format("{}", value));
  return names;
}

}  // namespace perdita::rewriting
