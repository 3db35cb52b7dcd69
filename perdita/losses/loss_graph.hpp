// The formula of a loss as a graph: for readers (perdita explain), and for other libraries that execute it.
#pragma once

#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/functions.hpp"

namespace perdita {

namespace detail {

/// A loss given as text: the text itself is the formula.
template <class Loss>
constexpr bool is_written = requires(const Loss& loss) {
  loss.text();
};
/// Overlap losses have a formula of the sums over a mask.
template <class Loss>
constexpr bool is_of_sums = (Loss::info.unit == Unit::mask) && std::is_invocable_v<const Loss&, Expr, Expr, Expr>;
/// Losses of sequences, losses that sort, and losses that compare a sample with all others have no elementwise formula.
template <class Loss>
constexpr bool has_formula = !is_written<Loss> && Loss::info.unit != Unit::mask &&
                             (std::is_invocable_v<const Loss&, Expr, Expr> || std::is_invocable_v<const Loss&, Expr> ||
                              std::is_invocable_v<const Loss&, Expr, Expr, Expr>);

/// The operands of a formula by index. Names are for readers.
template <class Loss>
Expr formula_input(int index) {
  static constexpr const char* of_sums[] = {"tp", "fp", "fn"};
  static constexpr const char* of_elements[] = {"y", "t", "v"};
  if (is_of_sums<Loss>) return Expr::input(index, of_sums[index]);
  return Expr::input(index, index == 0 && is_of_class_rows(Loss::info) ? "log_p" : of_elements[index]);
}

}  // namespace detail

/// A loss of `inputs` operands, and its derivative with respect to each of them; the derivatives are empty where they
/// are those of the value.
struct LossGraph {
  Expr value;
  std::vector<Expr> derivatives;
};

/// The graph of the formula of a loss, of as many operands as the formula is to be called with: y and t (or tp, fp and
/// fn of a mask; or only the difference y of two scores), and a variance or the weight of positives. Several quantiles
/// give that of the first. Throws ValueError for a loss without a formula of so many operands.
LossGraph loss_graph(const AnyLoss& loss, int inputs);

}  // namespace perdita
