#include "perdita/losses/loss_graph.hpp"

#include <utility>

#include "perdita/core/error.hpp"

namespace perdita {

namespace {

using DualExpr = Dual<Expr>;

Expr derivative_in(const DualExpr& result) { return result.d; }
/// A loss that only compares the operand has no derivative with respect to it.
Expr derivative_in(const Expr&) { return 0.0; }

/// The derivative of loss(x0, x1, ...) with respect to x[dual].
template <class Loss, int dual, std::size_t... i>
Expr derivative_of(const Loss& loss, std::index_sequence<i...>) {
  const auto operand = []<int index>() {
    const Expr x = detail::formula_input<Loss>(index);
    if constexpr (index == dual)
      return DualExpr{x, Expr(1.0)};
    else
      return x;
  };
  return derivative_in(loss(operand.template operator()<static_cast<int>(i)>()...));
}

template <class Loss, std::size_t... i>
LossGraph graph_of(const Loss& loss, std::index_sequence<i...> all) {
  // Kernels use dual numbers too, in which a loss may define its derivative apart from its value.
  return {loss(detail::formula_input<Loss>(static_cast<int>(i))...),
          {derivative_of<Loss, static_cast<int>(i)>(loss, all)...}};
}

template <class Loss>
[[noreturn]] void fail_without_formula(int inputs) {
  fail<ValueError>("loss_graph: {} has no formula of {} operands", Loss::info.name, inputs);
}

template <class Loss>
LossGraph graph_of(const Loss& loss, int inputs) {
  if constexpr (detail::is_written<Loss>) return {loss.value(), {}};
  if constexpr (std::is_invocable_v<const Loss&, Expr>)
    if (inputs == 1) return graph_of(loss, std::make_index_sequence<1>());
  if constexpr (std::is_invocable_v<const Loss&, Expr, Expr>)
    if (inputs == 2) return graph_of(loss, std::make_index_sequence<2>());
  if constexpr (std::is_invocable_v<const Loss&, Expr, Expr, Expr>)
    if (inputs == 3) return graph_of(loss, std::make_index_sequence<3>());
  fail_without_formula<Loss>(inputs);
}

LossGraph graph_of(const Quantiles& loss, int inputs) { return graph_of(Quantile{.q = loss.levels.front()}, inputs); }

}  // namespace

LossGraph loss_graph(const AnyLoss& loss, int inputs) {
  return std::visit([&](const auto& one) { return graph_of(one, inputs); }, loss.loss);
}

}  // namespace perdita
