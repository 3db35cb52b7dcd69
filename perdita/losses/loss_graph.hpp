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
constexpr bool has_formula =
    !is_written<Loss> && Loss::info.unit != Unit::mask &&
    (is_of_several_operands(Loss::info) || std::is_invocable_v<const Loss&, Expr, Expr> ||
     std::is_invocable_v<const Loss&, Expr> || std::is_invocable_v<const Loss&, Expr, Expr, Expr>);

/// The operands of a formula by index. Names are for readers.
template <class Loss>
Expr formula_input(int index) {
  static constexpr const char* of_sums[] = {"tp", "fp", "fn"};
  static constexpr const char* of_elements[] = {"y", "t", "v"};
  if constexpr (is_of_several_operands(Loss::info)) {
    const std::string_view name = (Loss::info.operands.begin() + index)->name;
    return Expr::input(index, std::string(name == "input" ? "y" : name == "target" ? "t" : name));
  }
  if constexpr (requires { Loss::formula_names; }) return Expr::input(index, Loss::formula_names[index]);
  if (is_of_sums<Loss>) return Expr::input(index, of_sums[index]);
  return Expr::input(index, index == 0 && is_of_class_rows(Loss::info) ? "log_p" : of_elements[index]);
}

}  // namespace detail

/// A loss as a formula.
struct LossGraph {
  Expr value;
  std::vector<Expr> derivatives;  ///< with respect to each operand; empty where they are those of the value
  bool of_true_class = false;     ///< whether a class with target 0 adds nothing, in a loss of rows of classes
  bool in_float64 = false;        ///< whether elements of float32 are computed in float64
};

/// Formulas for readers are those of textbooks. Those to be executed are the forms that kernels have, in which nothing
/// cancels or is 0 * inf.
enum class FormulaFor { readers, execution };

/// The graph of the formula of a loss, of as many operands as the formula is to be called with: y and t (or tp, fp and
/// fn of a mask; or only the difference y of two scores), and a variance or the weight of positives; or all operands of
/// a loss of several. Several quantiles give that of the first. Throws ValueError for a loss without a formula of so
/// many operands.
LossGraph loss_graph(const AnyLoss& loss, int inputs, FormulaFor use);

/// What a loss of class counts makes of logits y: scale * (y + shift - margin), where the
/// margin is that of the true class. Functions of the count of the class (input 0), of all samples (1), and of the
/// smallest class that has samples (2).
struct LogitAdjustment {
  Expr shift = 0.0, margin = 0.0;
  double scale = 1;
};
LogitAdjustment logit_adjustment(const AnyLoss& loss);

}  // namespace perdita
