#include "perdita/expr/fold.hpp"

#include "perdita/core/error.hpp"
#include "perdita/expr/op_on_pack.hpp"
#include "perdita/math/functions.hpp"

namespace perdita {

namespace {
using Number = Pack<double, 2>;
}

double fold(Op op, double a) {
  const Number x = a;
  switch (op) {
#define PERDITA_CASE(name, ...) \
  case Op::name:                \
    return on_pack<Op::name>(x)[0];
    PERDITA_UNARY_FUNCTIONS(PERDITA_CASE)
    PERDITA_UNARY_OPERATORS(PERDITA_CASE)
#undef PERDITA_CASE
    default:
      fail<ValueError>("fold: operation {} does not take one operand", static_cast<int>(op));
  }
}

double fold(Op op, double a, double b) {
  const Number x = a, y = b;
  switch (op) {
#define PERDITA_CASE(name, ...) \
  case Op::name:                \
    return on_pack<Op::name>(x, y)[0];
    PERDITA_BINARY_FUNCTIONS(PERDITA_CASE)
    PERDITA_ARITHMETIC_OPERATORS(PERDITA_CASE)
    PERDITA_TRUTH_OPERATORS(PERDITA_CASE)
#undef PERDITA_CASE
    default:
      fail<ValueError>("fold: operation {} does not take two operands", static_cast<int>(op));
  }
}

}  // namespace perdita
