// Graphs of formulas as operations on tensors. For the sources of this part only.
#pragma once

#include <span>
#include <vector>

#include "perdita/expr/order.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/operators.hpp"

namespace perdita::detail {

/// The values of expressions, recorded as operations on tensors: they can be differentiated again.
class Replay {
 public:
  Replay(std::span<const Expr> roots, std::span<const Tensor> inputs) : order_(roots) {
    for (int i = 0; i < order_.size(); ++i) {
      const Expr& node = order_[i];
      if (node.op() == Op::constant)
        values_.emplace_back();
      else if (node.op() == Op::input)
        values_.push_back(inputs[static_cast<std::size_t>(node.index())]);
      else
        values_.push_back(replay(node));
    }
  }
  /// Undefined for a constant.
  const Tensor& value(const Expr& root) const { return values_[static_cast<std::size_t>(order_.position(root))]; }

 private:
  Argument argument(const Expr& node, int k) const {
    const Expr& operand = node.operand(k);
    if (operand.op() == Op::constant) return Argument(operand.value());
    return Argument(value(operand));
  }
  Tensor replay(const Expr& node) const {
    if (arity(node.op()) == 1) return apply(node.op(), argument(node, 0));
    if (arity(node.op()) == 2) return apply(node.op(), argument(node, 0), argument(node, 1));
    return apply(node.op(), argument(node, 0), argument(node, 1), argument(node, 2));
  }

  ExprOrder order_;
  std::vector<Tensor> values_;
};

}  // namespace perdita::detail
