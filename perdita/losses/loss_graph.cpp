#include "perdita/losses/loss_graph.hpp"

#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/expr/executed_expr.hpp"

namespace perdita {

namespace {

const Expr& graph_of(const Expr& x) { return x; }
const Expr& graph_of(const ExecutedExpr& x) { return x.graph(); }

template <class V>
Expr derivative_in(const Dual<V>& result) {
  return graph_of(result.d);
}
/// A loss that only compares the operand has no derivative with respect to it.
Expr derivative_in(const auto&) { return 0.0; }

/// loss(x0, x1, ...) of symbols V, of which x[dual] is a dual number.
template <class V, int dual, class Loss, std::size_t... i>
auto dual_call(const Loss& loss, std::index_sequence<i...>) {
  const auto operand = []<int index>() {
    const V x(detail::formula_input<Loss>(index));
    if constexpr (index == dual)
      return Dual<V>{x, V(1.0)};
    else
      return x;
  };
  return loss(operand.template operator()<static_cast<int>(i)>()...);
}

// Kernels use dual numbers too, in which a loss may define its derivative apart from its value.
template <class V, class Loss, std::size_t... i>
LossGraph graph_of(const Loss& loss, std::index_sequence<i...> all) {
  return {graph_of(dual_call<V, 0>(loss, all).v),
          {derivative_in(dual_call<V, static_cast<int>(i)>(loss, all))...},
          is_of_class_rows(Loss::info)};
}

template <int inputs, class Loss>
LossGraph graph_of(const Loss& loss, FormulaFor use) {
  constexpr auto all = std::make_index_sequence<inputs>();
  return use == FormulaFor::readers ? graph_of<Expr>(loss, all) : graph_of<ExecutedExpr>(loss, all);
}

template <class Loss>
LossGraph loss_graph_of(const Loss& loss, int inputs, FormulaFor use) {
  if constexpr (detail::is_written<Loss>) {
    const bool has_parameters = inputs == 2 + static_cast<int>(loss.parameters().size());
    if (has_parameters && inputs > 2) return {loss.parametric_value(), {}};
  }
  if constexpr (requires { loss.is_of_own_class(); })
    return {loss.value(), {}, loss.is_of_own_class(), loss.is_computed_in_float64()};
  else if constexpr (detail::is_written<Loss>)
    return {loss.value(), {}, false, loss.is_computed_in_float64()};
  if constexpr (is_of_several_operands(Loss::info)) {
    constexpr std::size_t count = Loss::info.operands.count_without_weights();
    if (inputs == static_cast<int>(count)) return graph_of<count>(loss, use);
  }
  if constexpr (std::is_invocable_v<const Loss&, Expr>)
    if (inputs == 1) return graph_of<1>(loss, use);
  if constexpr (std::is_invocable_v<const Loss&, Expr, Expr>)
    if (inputs == 2) return graph_of<2>(loss, use);
  if constexpr (std::is_invocable_v<const Loss&, Expr, Expr, Expr>)
    if (inputs == 3) return graph_of<3>(loss, use);
  fail<ValueError>("loss_graph: {} has no formula of {} operands", Loss::info.name, inputs);
}

LossGraph loss_graph_of(const Quantiles& loss, int inputs, FormulaFor use) {
  return loss_graph_of(Quantile{.q = loss.levels.front()}, inputs, use);
}

template <class Loss>
LogitAdjustment adjustment_of(const Loss& loss) {
  const ClassFrequency<Expr> of_class{Expr::input(0, "n"), Expr::input(1, "total"), Expr::input(2, "smallest")};
  LogitAdjustment found;
  if constexpr (requires { loss.shift(of_class); }) found.shift = loss.shift(of_class);
  if constexpr (requires { loss.margin(of_class); }) {
    found.margin = loss.margin(of_class);
    found.scale = loss.scale;
  }
  return found;
}

}  // namespace

LogitAdjustment logit_adjustment(const AnyLoss& loss) {
  return std::visit([](const auto& one) { return adjustment_of(one); }, loss.loss);
}

LossGraph loss_graph(const AnyLoss& loss, int inputs, FormulaFor use) {
  return std::visit([&](const auto& one) { return loss_graph_of(one, inputs, use); }, loss.loss);
}

}  // namespace perdita
