// evaluate(), which runs a Program over arrays.
//
// Arrays are walked in blocks so short that every intermediate stays in the innermost cache; on a block one instruction
// runs after another, each a vector loop over the functions of packs. Memory is touched once.
#pragma once

#include <span>

#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"
#include "perdita/expr/program.hpp"

namespace perdita {

/// An input, read as if it had the shape of the evaluation: strides in elements, 0 where it repeats. Elements of any
/// dtype are converted to the computing type. Not read (data may be null) if the program does not use it.
struct Operand {
  const void* data = nullptr;
  DType dtype = DType::float32;
  Strides strides;
};

/// Where an output goes: to a dense row-major array, into its sum, or both.
struct Result {
  void* data = nullptr;
  double* sum = nullptr;
  bool is_float32 = false;  ///< the array holds float32, also if the computing type is float64
};

/// Computes every output for every element of `shape`, on several threads when that is worth it. A result may be the
/// very array of a dense operand of the computing type, but must not overlap an operand in any other way. Sums do not
/// depend on the number of threads. Throws DTypeError unless computing_type is floating, ValueError where operands or
/// results are too few, ShapeError where strides have not the rank of shape.
void evaluate(const Program& program, DType computing_type, const Shape& shape, std::span<const Operand> operands,
              std::span<const Result> results);

}  // namespace perdita
