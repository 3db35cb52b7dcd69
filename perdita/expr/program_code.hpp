// What a Program holds. Internal to the block evaluator.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "perdita/expr/primitive.hpp"

namespace perdita::detail {

/// target = primitive(operands). Numbers are places in the block table, which lists, in this order: inputs that are
/// used, outputs, registers, constants.
struct Instruction {
  std::int16_t target;
  std::array<std::int16_t, 3> operands;
  Primitive<float> in_float;
  Primitive<double> in_double;

  template <class T>
  Primitive<T> primitive() const {
    if constexpr (sizeof(T) == sizeof(float))
      return in_float;
    else
      return in_double;
  }
};

struct ProgramCode {
  std::vector<int> inputs;  ///< the index of each used input, ascending
  int outputs = 0;
  int registers = 0;
  std::vector<float> constants_float;
  std::vector<double> constants_double;
  std::vector<Instruction> instructions;

  int num_blocks() const { return static_cast<int>(inputs.size()) + outputs + registers; }
  template <class T>
  const std::vector<T>& constants() const {
    if constexpr (sizeof(T) == sizeof(float))
      return constants_float;
    else
      return constants_double;
  }
};

}  // namespace perdita::detail
