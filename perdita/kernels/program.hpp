// Program: Exprs compiled for the block evaluator, and evaluate(), which runs them over arrays.
//
// Arrays are walked in blocks so short that every intermediate stays in the innermost cache; on a block one instruction
// runs after another, each a vector loop over the functions of packs. Memory is touched once.
#pragma once

#include <memory>
#include <span>

#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"
#include "perdita/math/expr.hpp"

namespace perdita {

/// An input, read as if it had the shape of the evaluation: strides in elements, 0 where it repeats. Elements of any
/// dtype are converted to the computing type. Not read (data may be null) if the program does not use it.
struct Operand {
  const void* data = nullptr;
  DType dtype = DType::float32;
  Strides strides;
};

/// Where an output goes: to a dense row-major array of the computing type, into its sum, or both.
struct Result {
  void* data = nullptr;
  double* sum = nullptr;
};

namespace detail {
struct ProgramCode;
}

/// A handle to compiled, immutable instructions; copies share them. May be used by several threads.
class Program {
 public:
  /// Common subexpressions are computed once, whatever does not lead to an output not at all.
  explicit Program(std::span<const Expr> outputs);
  /// One more than the largest index of an input that is used.
  int num_inputs() const;
  int num_outputs() const;
  int num_instructions() const;
  /// Blocks of intermediate results that are alive at once.
  int num_registers() const;
  const detail::ProgramCode& code() const { return *code_; }

 private:
  std::shared_ptr<const detail::ProgramCode> code_;
};

/// Computes every output for every element of `shape`, on several threads when that is worth it. A result may be the
/// very array of a dense operand of the computing type, but must not overlap an operand in any other way. Sums do not
/// depend on the number of threads. Throws DTypeError unless computing_type is floating, ValueError where operands or
/// results are too few, ShapeError where strides have not the rank of shape.
void evaluate(const Program& program, DType computing_type, const Shape& shape, std::span<const Operand> operands,
              std::span<const Result> results);

/// The program of these outputs from a cache, for loops that build the same expressions at each step. Names of inputs
/// do not count. May be called from several threads.
Program compiled(std::span<const Expr> outputs);

/// Programs that compiled() keeps; the one not used for the longest time goes first.
inline constexpr int max_compiled_programs = 256;

/// How many it keeps now.
int num_compiled_programs();

}  // namespace perdita
