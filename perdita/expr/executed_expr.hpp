// A symbol like Expr, for formulas that are executed and not read. It gets the forms that packs and tensors get, in
// which nothing cancels, and products that may be 0 * inf have their limits (logit.hpp, products.hpp), where Expr gets
// the textbook forms.
#pragma once

#include <utility>

#include "perdita/expr/expr.hpp"

namespace perdita {

class ExecutedExpr {
 public:
  /// A constant. Implicit, so that literals and parameters may stand in formulas.
  ExecutedExpr(double value = 0) : graph_(value) {}
  explicit ExecutedExpr(Expr graph) : graph_(std::move(graph)) {}

  const Expr& graph() const { return graph_; }

  template <class U = double>
  explicit operator bool() const {
    static_assert(detail::always_false<U>, "write select(condition, a, b): a formula has many elements");
    return false;
  }

#define PERDITA_FUNCTION(name) \
  friend ExecutedExpr name(const ExecutedExpr& a) { return ExecutedExpr(Expr::apply(Op::name, a.graph_)); }
  PERDITA_UNARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
#define PERDITA_FUNCTION(name)                                             \
  friend ExecutedExpr name(const ExecutedExpr& a, const ExecutedExpr& b) { \
    return ExecutedExpr(Expr::apply(Op::name, a.graph_, b.graph_));        \
  }
  PERDITA_BINARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
#define PERDITA_OPERATOR(name, symbol) \
  friend ExecutedExpr operator symbol(const ExecutedExpr& a) { return ExecutedExpr(Expr::apply(Op::name, a.graph_)); }
  PERDITA_UNARY_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR
#define PERDITA_OPERATOR(name, symbol)                                                \
  friend ExecutedExpr operator symbol(const ExecutedExpr& a, const ExecutedExpr& b) { \
    return ExecutedExpr(Expr::apply(Op::name, a.graph_, b.graph_));                   \
  }
  PERDITA_ARITHMETIC_OPERATORS(PERDITA_OPERATOR)
  PERDITA_TRUTH_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR

  friend ExecutedExpr select(const ExecutedExpr& condition, const ExecutedExpr& a, const ExecutedExpr& b) {
    return ExecutedExpr(select(condition.graph_, a.graph_, b.graph_));
  }
  friend ExecutedExpr clamp(const ExecutedExpr& x, const ExecutedExpr& low, const ExecutedExpr& high) {
    return clamp_max(clamp_min(x, low), high);
  }
  friend ExecutedExpr copy_sign(const ExecutedExpr& magnitude, const ExecutedExpr& s) {
    return flip_sign(abs(magnitude), s);
  }

 private:
  Expr graph_;
};

}  // namespace perdita
