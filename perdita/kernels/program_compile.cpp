// From a graph of Exprs to instructions: value numbering merges common subexpressions, then blocks are assigned.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <unordered_map>

#include "perdita/core/error.hpp"
#include "perdita/kernels/program.hpp"
#include "perdita/kernels/program_code.hpp"
#include "perdita/math/expr_order.hpp"

namespace perdita {

namespace detail {
namespace {

/// An operation on values that are known by number; two equal ones are one value.
struct Value {
  Op op;
  std::array<int, 3> operands{-1, -1, -1};
  std::uint64_t payload = 0;  // bits of a constant, index of an input
  friend bool operator==(const Value&, const Value&) = default;
};

struct ValueHash {
  std::size_t operator()(const Value& value) const {
    std::uint64_t hash = static_cast<std::uint64_t>(value.op) ^ value.payload;
    for (int operand : value.operands) hash = (hash ^ static_cast<std::uint32_t>(operand)) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
  }
};

class Compiler {
 public:
  explicit Compiler(std::span<const Expr> outputs) {
    number_values(outputs);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i].op == Op::input) code_.inputs.push_back(static_cast<int>(values_[i].payload));
    }
    std::ranges::sort(code_.inputs);
    code_.outputs = static_cast<int>(outputs.size());
    assign_blocks();
  }
  ProgramCode take() { return std::move(code_); }

 private:
  void number_values(std::span<const Expr> outputs) {
    const ExprOrder order(outputs);
    std::vector<int> number(static_cast<std::size_t>(order.size()));
    const auto number_of = [&](const Expr& node) { return number[static_cast<std::size_t>(order.position(node))]; };
    for (int i = 0; i < order.size(); ++i) {
      const Expr& node = order[i];
      Value value{node.op()};
      if (node.op() == Op::constant) value.payload = std::bit_cast<std::uint64_t>(node.value());
      if (node.op() == Op::input) value.payload = static_cast<std::uint64_t>(node.index());
      for (int k = 0; k < arity(node.op()); ++k) {
        value.operands[static_cast<std::size_t>(k)] = number_of(node.operand(k));
      }
      number[static_cast<std::size_t>(i)] = intern(canonical(value));
    }
    for (const Expr& output : outputs) outputs_.push_back(number_of(output));
  }

  /// One spelling for operations that compute the same number.
  static Value canonical(Value value) {
    auto& [a, b, c] = value.operands;
    switch (value.op) {
      case Op::clamp_min: value.op = Op::max; break;
      case Op::clamp_max: value.op = Op::min; break;
      case Op::greater: return {Op::less, {b, a, -1}};
      case Op::greater_equal: return {Op::less_equal, {b, a, -1}};
      case Op::multiply:
        if (a == b) return {Op::square, {a, -1, -1}};
        [[fallthrough]];
      case Op::add:
      case Op::equal:
      case Op::not_equal:
      case Op::logical_and:
      case Op::logical_or:
        if (a > b) std::swap(a, b);
        break;
      default: break;
    }
    return value;
  }

  int intern(const Value& value) {
    const auto [found, is_new] = numbers_.try_emplace(value, static_cast<int>(values_.size()));
    if (is_new) values_.push_back(value);
    return found->second;
  }

  void assign_blocks();
  void emit(int value, int target);
  int place_of(int value);
  int take_register();
  bool is_computed(int value) const { return values_[static_cast<std::size_t>(value)].op > Op::constant; }
  void add_instruction(Op op, int target, std::span<const int> operands);

  static constexpr int nowhere = std::numeric_limits<int>::min();

  std::vector<Value> values_;  // operands come first
  std::unordered_map<Value, int, ValueHash> numbers_;
  std::vector<int> outputs_;  // value of each output
  ProgramCode code_;
  std::vector<int> place_;     // of each value in the block table
  std::vector<int> last_use_;  // the last value that reads this one
  std::vector<int> free_registers_;
};

// Inputs and constants get their place when they are first read. A place below 0 stands for constant number ~place until the number of registers, which come before the constants in
// the block table, is known.
int Compiler::place_of(int value) {
  int& place = place_[static_cast<std::size_t>(value)];
  const Value& what = values_[static_cast<std::size_t>(value)];
  if (place != nowhere) return place;
  if (what.op == Op::constant) {
    const double constant = std::bit_cast<double>(what.payload);
    code_.constants_double.push_back(constant);
    code_.constants_float.push_back(static_cast<float>(constant));
    place = ~static_cast<int>(code_.constants_double.size() - 1);
  } else {
    place = static_cast<int>(std::ranges::lower_bound(code_.inputs, static_cast<int>(what.payload)) -
                             code_.inputs.begin());
  }
  return place;
}

int Compiler::take_register() {
  if (free_registers_.empty()) return static_cast<int>(code_.inputs.size()) + code_.outputs + code_.registers++;
  const int place = free_registers_.back();
  free_registers_.pop_back();
  return place;
}

void Compiler::add_instruction(Op op, int target, std::span<const int> operands) {
  Instruction instruction{static_cast<std::int16_t>(target), {}, nullptr, nullptr};
  unsigned constants = 0;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    instruction.operands[k] = static_cast<std::int16_t>(operands[k]);
    if (operands[k] < 0) constants |= 1u << k;
  }
  instruction.in_float = find_primitive<float>(op, constants);
  instruction.in_double = find_primitive<double>(op, constants);
  code_.instructions.push_back(instruction);
}

void Compiler::emit(int value, int output) {
  const Value& what = values_[static_cast<std::size_t>(value)];
  std::array<int, 3> operands{};
  const auto count = static_cast<std::size_t>(arity(what.op));
  for (std::size_t k = 0; k < count; ++k) operands[k] = place_of(what.operands[k]);
  const int first_register = static_cast<int>(code_.inputs.size()) + code_.outputs;
  for (std::size_t k = 0; k < count; ++k) {  // before the target is chosen: it may take the place of an operand
    int& last_use = last_use_[static_cast<std::size_t>(what.operands[k])];
    if (last_use != value) continue;
    last_use = -1;  // a second operand of the same value must not free it again
    if (operands[k] >= first_register) free_registers_.push_back(operands[k]);
  }
  const int target = output >= 0 ? static_cast<int>(code_.inputs.size()) + output : take_register();
  place_[static_cast<std::size_t>(value)] = target;
  add_instruction(what.op, target, std::span(operands.data(), count));
}

void Compiler::assign_blocks() {
  place_.assign(values_.size(), nowhere);
  last_use_.assign(values_.size(), -1);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    for (int operand : values_[i].operands) {
      if (operand >= 0) last_use_[static_cast<std::size_t>(operand)] = static_cast<int>(i);
    }
  }
  std::map<int, int> output_of;  // the first output that a value is
  for (std::size_t k = 0; k < outputs_.size(); ++k) output_of.try_emplace(outputs_[k], static_cast<int>(k));
  for (int value = 0; value < static_cast<int>(values_.size()); ++value) {
    if (!is_computed(value)) continue;
    const auto output = output_of.find(value);
    emit(value, output == output_of.end() ? -1 : output->second);
  }
  const int first_output = static_cast<int>(code_.inputs.size());
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    if (is_computed(outputs_[k]) && output_of[outputs_[k]] == static_cast<int>(k)) continue;
    const int from = place_of(outputs_[k]);
    add_instruction(Op::input, first_output + static_cast<int>(k), std::span(&from, 1));
  }
  for (Instruction& instruction : code_.instructions) {
    for (std::int16_t& operand : instruction.operands) {
      if (operand < 0) operand = static_cast<std::int16_t>(code_.num_blocks() + ~operand);
    }
  }
  if (code_.num_blocks() + static_cast<int>(code_.constants_double.size()) > 32767) {
    fail<ValueError>("Program: the formula needs {} blocks and {} constants (valid: at most 32767 together)",
                     code_.num_blocks(), code_.constants_double.size());
  }
}

}  // namespace
}  // namespace detail

Program::Program(std::span<const Expr> outputs)
    : code_(std::make_shared<const detail::ProgramCode>(detail::Compiler(outputs).take())) {}

int Program::num_inputs() const { return code_->inputs.empty() ? 0 : code_->inputs.back() + 1; }
int Program::num_outputs() const { return code_->outputs; }
int Program::num_instructions() const { return static_cast<int>(code_->instructions.size()); }
int Program::num_registers() const { return code_->registers; }

}  // namespace perdita
