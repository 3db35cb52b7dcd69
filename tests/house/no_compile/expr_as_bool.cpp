// must fail: write select\(condition, a, b\) instead of if
#include "perdita/expr/expr.hpp"

using perdita::Expr;

Expr loss(const Expr& y, const Expr& t) {
  if (y < t) return y - t;
  return t - y;
}
