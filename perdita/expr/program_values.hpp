// Value numbering: the first half of compiling a Program.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/expr/order.hpp"

namespace perdita::detail {

/// An operation on values that are known by number; two equal ones are one value.
struct Value {
  Op op;
  std::array<int, 3> operands{-1, -1, -1};
  std::uint64_t payload = 0;  // bits of a constant, index of an input
  friend bool operator==(const Value&, const Value&) = default;
};

/// The values of some graphs, operands first, each once. Signs are moved towards the outputs and mostly vanish: a * -b
/// becomes -(a * b), x - -y becomes x + y. That is exact but for the sign of a zero, like the simplifications of Expr.
class ValueNumbering {
 public:
  explicit ValueNumbering(std::span<const Expr> outputs);

  const std::vector<Value>& values() const { return values_; }
  /// The value of each output.
  const std::vector<int>& outputs() const { return outputs_; }

 private:
  struct Hash {
    std::size_t operator()(const Value& value) const;
  };
  /// A value, or its negative.
  struct Signed {
    int value = -1;
    bool is_negative = false;
    Signed operator-() const { return {value, !is_negative}; }
  };

  Signed number(const Expr& node, Signed a, Signed b, Signed c);
  Signed add(Signed a, Signed b);
  Signed multiply(Op op, Signed a, Signed b);
  /// The number of the value with its sign.
  int settle(Signed x);
  int intern(Value value);
  int constant(double number);
  bool is_constant(int value) const { return values_[static_cast<std::size_t>(value)].op == Op::constant; }

  std::vector<Value> values_;
  std::unordered_map<Value, int, Hash> numbers_;
  std::vector<int> outputs_;
};

}  // namespace perdita::detail
