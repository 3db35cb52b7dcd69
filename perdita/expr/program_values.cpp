#include "perdita/expr/program_values.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace perdita::detail {

std::size_t ValueNumbering::Hash::operator()(const Value& value) const {
  std::uint64_t hash = static_cast<std::uint64_t>(value.op) ^ value.payload;
  for (int operand : value.operands) hash = (hash ^ static_cast<std::uint32_t>(operand)) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

ValueNumbering::ValueNumbering(std::span<const Expr> outputs) {
  const ExprOrder order(outputs);
  std::vector<Signed> numbers(static_cast<std::size_t>(order.size()));
  for (int i = 0; i < order.size(); ++i) {
    const auto operand = [&](int k) {
      return k < arity(order[i].op()) ? numbers[static_cast<std::size_t>(order.operand(i, k))] : Signed{};
    };
    numbers[static_cast<std::size_t>(i)] = number(order[i], operand(0), operand(1), operand(2));
  }
  for (const Expr& output : outputs) {
    outputs_.push_back(settle(numbers[static_cast<std::size_t>(order.position(output))]));
  }
}

ValueNumbering::Signed ValueNumbering::number(const Expr& node, Signed a, Signed b, Signed c) {
  switch (node.op()) {
    case Op::input:
      return {intern({Op::input, {-1, -1, -1}, static_cast<std::uint64_t>(node.index())})};
    case Op::constant:
      return {constant(node.value())};
    case Op::negate:
      return -a;
    case Op::abs:
    case Op::square:
    case Op::log_cosh:
    case Op::logical_not:
      return {intern({node.op(), {a.value, -1, -1}})};  // even functions
    case Op::add:
      return add(a, b);
    case Op::subtract:
      return add(a, -b);
    case Op::multiply:
    case Op::divide:
      return multiply(node.op(), a, b);
    case Op::flip_sign:
      return {intern({Op::flip_sign, {a.value, b.value, -1}}), a.is_negative != b.is_negative};
    case Op::zero_unless:
      return {intern({Op::zero_unless, {a.value, b.value, -1}}), b.is_negative};
    case Op::hypot: {  // even in both operands
      const auto [low, high] = std::minmax({a.value, b.value});
      return {intern({Op::hypot, {low, high, -1}})};
    }
    case Op::select:
      if (b.is_negative && c.is_negative) return {intern({Op::select, {a.value, b.value, c.value}}), true};
      return {intern({Op::select, {a.value, settle(b), settle(c)}})};
    // The same numbers under another name:
    case Op::clamp_min:
      return {intern({Op::max, {settle(a), settle(b), -1}})};
    case Op::clamp_max:
      return {intern({Op::min, {settle(a), settle(b), -1}})};
    case Op::greater:
      return {intern({Op::less, {settle(b), settle(a), -1}})};
    case Op::greater_equal:
      return {intern({Op::less_equal, {settle(b), settle(a), -1}})};
    case Op::equal:
    case Op::not_equal: {
      const auto [low, high] = std::minmax({settle(a), settle(b)});
      return {intern({node.op(), {low, high, -1}})};
    }
    case Op::logical_and:
    case Op::logical_or: {
      const auto [low, high] = std::minmax({a.value, b.value});
      return {intern({node.op(), {low, high, -1}})};
    }
    default:
      return {intern({node.op(), {settle(a), arity(node.op()) > 1 ? settle(b) : -1, -1}})};
  }
}

ValueNumbering::Signed ValueNumbering::add(Signed a, Signed b) {
  if (a.is_negative && b.is_negative) return -add(-a, -b);
  if (b.is_negative) return {intern({Op::subtract, {a.value, b.value, -1}})};
  if (a.is_negative) return {intern({Op::subtract, {b.value, a.value, -1}})};
  const auto [low, high] = std::minmax({a.value, b.value});
  return {intern({Op::add, {low, high, -1}})};
}

ValueNumbering::Signed ValueNumbering::multiply(Op op, Signed a, Signed b) {
  const bool is_negative = a.is_negative != b.is_negative;
  if (op == Op::multiply && a.value == b.value) return {intern({Op::square, {a.value, -1, -1}}), is_negative};
  if (op == Op::multiply && a.value > b.value) std::swap(a, b);
  return {intern({op, {a.value, b.value, -1}}), is_negative};
}

int ValueNumbering::settle(Signed x) {
  if (!x.is_negative) return x.value;
  const Value value = values_[static_cast<std::size_t>(x.value)];
  const auto [a, b, c] = value.operands;
  const auto negated = [this](int k) {
    return constant(-std::bit_cast<double>(values_[static_cast<std::size_t>(k)].payload));
  };
  // Where a sign can be had for nothing, it is.
  if (value.op == Op::constant) return negated(x.value);
  if (value.op == Op::subtract) return intern({Op::subtract, {b, a, -1}});
  if (value.op == Op::multiply && is_constant(a)) return intern({Op::multiply, {b, negated(a), -1}});
  if (value.op == Op::multiply && is_constant(b)) return intern({Op::multiply, {a, negated(b), -1}});
  return intern({Op::negate, {x.value, -1, -1}});
}

int ValueNumbering::constant(double number) {
  return intern({Op::constant, {-1, -1, -1}, std::bit_cast<std::uint64_t>(number)});
}

int ValueNumbering::intern(Value value) {
  const auto [found, is_new] = numbers_.try_emplace(value, static_cast<int>(values_.size()));
  if (is_new) values_.push_back(value);
  return found->second;
}

}  // namespace perdita::detail
