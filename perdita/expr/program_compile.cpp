// From values to instructions: products are fused with the sums they go into, then every value is given a block.
#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_map>

#include "perdita/core/error.hpp"
#include "perdita/expr/program.hpp"
#include "perdita/expr/program_code.hpp"
#include "perdita/expr/program_values.hpp"

namespace perdita {

namespace detail {
namespace {

/// What one instruction computes: an operation, or a product fused with a sum or difference.
struct Step {
  Op op;
  Fused fused = Fused::none;
  int operand_count = 0;
  std::array<int, 3> operands{-1, -1, -1};  // values

  std::span<const int> reads() const { return {operands.data(), static_cast<std::size_t>(operand_count)}; }
};

class Compiler {
 public:
  explicit Compiler(std::span<const Expr> outputs) : numbering_(outputs), values_(numbering_.values()) {
    find_used();
    choose_steps();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (uses_[i] > 0 && values_[i].op == Op::input) code_.inputs.push_back(static_cast<int>(values_[i].payload));
    }
    std::ranges::sort(code_.inputs);
    code_.outputs = static_cast<int>(outputs.size());
    assign_blocks();
  }
  ProgramCode take() { return std::move(code_); }

 private:
  static constexpr int nowhere = std::numeric_limits<int>::min();

  const Value& value(int i) const { return values_[static_cast<std::size_t>(i)]; }
  bool is_computed(int i) const { return value(i).op > Op::constant; }
  int first_output() const { return static_cast<int>(code_.inputs.size()); }

  void find_used();
  void choose_steps();
  Step step_of(int i) const;
  int product_to_fuse(int i, int other) const;
  void assign_blocks();
  void find_last_uses();
  int place_of(int i);
  int take_register();
  void emit(int i, int output);
  void add_instruction(const Step& step, int target);
  void resolve_constants();

  ValueNumbering numbering_;
  const std::vector<Value>& values_;
  std::vector<int> uses_;  // how often a value is read, outputs included; 0 for what settling signs has left over
  std::vector<Step> steps_;
  std::vector<char> is_fused_away_;  // computed by the step of its only reader
  std::vector<int> place_;           // of each value in the block table
  std::vector<int> last_use_;        // the last value whose step reads this one
  std::vector<int> free_registers_;
  ProgramCode code_;
};

void Compiler::find_used() {
  uses_.assign(values_.size(), 0);
  for (int output : numbering_.outputs()) ++uses_[static_cast<std::size_t>(output)];
  for (std::size_t i = values_.size(); i-- > 0;) {
    if (uses_[i] == 0) continue;
    for (int k = 0; k < arity(values_[i].op); ++k) {
      ++uses_[static_cast<std::size_t>(values_[i].operands[static_cast<std::size_t>(k)])];
    }
  }
}

// The product that value i may take into its step; -1 if it is none, or is read elsewhere too.
int Compiler::product_to_fuse(int i, int other) const {
  const Op op = value(i).op;
  const bool is_product = op == Op::multiply || op == Op::square;
  return is_product && i != other && uses_[static_cast<std::size_t>(i)] == 1 ? i : -1;
}

Step Compiler::step_of(int i) const {
  const auto [op, operands, payload] = value(i);
  Step step{op, Fused::none, arity(op), operands};
  if (op != Op::add && op != Op::subtract) return step;
  const int left = product_to_fuse(operands[0], operands[1]), right = product_to_fuse(operands[1], operands[0]);
  const int product = left >= 0 ? left : right;
  if (product < 0) return step;
  int a = value(product).operands[0], b = value(product).op == Op::square ? a : value(product).operands[1];
  if (value(a).op == Op::constant) std::swap(a, b);  // a constant is the second factor
  const int rest = left >= 0 ? operands[1] : operands[0];
  const Fused fused = op == Op::add ? Fused::multiply_add
                      : left >= 0   ? Fused::multiply_subtract
                                    : Fused::subtract_product;
  return {op, fused, 3, {a, b, rest}};
}

void Compiler::choose_steps() {
  is_fused_away_.assign(values_.size(), 0);
  for (int i = 0; i < static_cast<int>(values_.size()); ++i) {
    steps_.push_back(step_of(i));
    if (uses_[static_cast<std::size_t>(i)] == 0 || steps_.back().fused == Fused::none) continue;
    const int rest = steps_.back().operands[2], first = value(i).operands[0];
    is_fused_away_[static_cast<std::size_t>(first == rest ? value(i).operands[1] : first)] = 1;
  }
}

void Compiler::find_last_uses() {
  last_use_.assign(values_.size(), -1);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (uses_[i] == 0 || is_fused_away_[i]) continue;
    for (int operand : steps_[i].reads()) last_use_[static_cast<std::size_t>(operand)] = static_cast<int>(i);
  }
}

// Inputs and constants get their place when they are first read. A place below 0 stands for constant number ~place
// until the number of registers, which come before the constants in the block table, is known.
int Compiler::place_of(int i) {
  int& place = place_[static_cast<std::size_t>(i)];
  if (place != nowhere) return place;
  if (value(i).op == Op::constant) {
    const double constant = std::bit_cast<double>(value(i).payload);
    code_.constants_double.push_back(constant);
    code_.constants_float.push_back(static_cast<float>(constant));
    place = ~static_cast<int>(code_.constants_double.size() - 1);
  } else {
    const auto found = std::ranges::lower_bound(code_.inputs, static_cast<int>(value(i).payload));
    place = static_cast<int>(found - code_.inputs.begin());
  }
  return place;
}

int Compiler::take_register() {
  if (free_registers_.empty()) return first_output() + code_.outputs + code_.registers++;
  const int place = free_registers_.back();
  free_registers_.pop_back();
  return place;
}

void Compiler::add_instruction(const Step& step, int target) {
  Instruction instruction{static_cast<std::int16_t>(target), {}, nullptr, nullptr};
  unsigned constants = 0;
  for (std::size_t k = 0; k < step.reads().size(); ++k) {
    const int place = place_of(step.operands[k]);
    instruction.operands[k] = static_cast<std::int16_t>(place);
    if (place < 0) constants |= 1u << k;
  }
  if (step.fused == Fused::none) {
    instruction.in_float = find_primitive<float>(step.op, constants);
    instruction.in_double = find_primitive<double>(step.op, constants);
  } else {
    instruction.in_float = find_primitive<float>(step.fused, constants);
    instruction.in_double = find_primitive<double>(step.fused, constants);
  }
  code_.instructions.push_back(instruction);
}

void Compiler::emit(int i, int output) {
  const Step& step = steps_[static_cast<std::size_t>(i)];
  for (int operand : step.reads()) {  // before the target is chosen: it may take the place of an operand
    int& last_use = last_use_[static_cast<std::size_t>(operand)];
    if (last_use != i) continue;
    last_use = -1;  // an operand that is read twice frees its register once
    const int place = place_of(operand);
    if (place >= first_output() + code_.outputs) free_registers_.push_back(place);
  }
  const int target = output >= 0 ? first_output() + output : take_register();
  place_[static_cast<std::size_t>(i)] = target;
  add_instruction(step, target);
}

void Compiler::assign_blocks() {
  find_last_uses();
  place_.assign(values_.size(), nowhere);
  const std::vector<int>& outputs = numbering_.outputs();
  std::unordered_map<int, int> output_of;  // the first output that a value is
  for (std::size_t k = 0; k < outputs.size(); ++k) output_of.try_emplace(outputs[k], static_cast<int>(k));
  for (int i = 0; i < static_cast<int>(values_.size()); ++i) {
    if (!is_computed(i) || uses_[static_cast<std::size_t>(i)] == 0 || is_fused_away_[static_cast<std::size_t>(i)]) {
      continue;
    }
    const auto output = output_of.find(i);
    emit(i, output == output_of.end() ? -1 : output->second);
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (is_computed(outputs[k]) && output_of[outputs[k]] == static_cast<int>(k)) continue;
    add_instruction({Op::input, Fused::none, 1, {outputs[k], -1, -1}}, first_output() + static_cast<int>(k));  // a copy
  }
  resolve_constants();
}

void Compiler::resolve_constants() {
  const auto constants = static_cast<int>(code_.constants_double.size());
  if (code_.num_blocks() + constants > std::numeric_limits<std::int16_t>::max()) {
    fail<ValueError>("Program: the formula needs {} blocks and {} constants (valid: at most {} together)",
                     code_.num_blocks(), constants, std::numeric_limits<std::int16_t>::max());
  }
  for (Instruction& instruction : code_.instructions) {
    for (std::int16_t& operand : instruction.operands) {
      if (operand < 0) operand = static_cast<std::int16_t>(code_.num_blocks() + ~operand);
    }
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
