// The value of one operation on known numbers: what the block evaluator would compute in double.
#pragma once

#include "perdita/expr/ops.hpp"

namespace perdita {

/// `op` takes one operand.
double fold(Op op, double a);
/// `op` takes two operands.
double fold(Op op, double a, double b);

}  // namespace perdita
