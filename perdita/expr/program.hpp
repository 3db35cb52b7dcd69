// Program: Exprs compiled for the block evaluator (kernels/evaluate_program.hpp).
#pragma once

#include <memory>
#include <span>

#include "perdita/expr/expr.hpp"

namespace perdita {

namespace detail {
struct ProgramCode;
}

/// A handle to compiled, immutable instructions; copies share them. May be used by several threads.
class Program {
 public:
  /// Common subexpressions are computed once; those that no output uses are not computed.
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

}  // namespace perdita
