// Losses that are given as text at run time. They are evaluated block by block (see
// expr/program.hpp), and differentiated as formulas.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "perdita/expr/expr.hpp"
#include "perdita/kernels/softmax_task.hpp"
#include "perdita/losses/info.hpp"

namespace perdita {

/// Outputs of a pass over elements; null if not needed.
template <class T>
struct FormulaOutputs {
  T* losses = nullptr;
  T* by_input = nullptr;   ///< scale * the derivative with respect to the first operand
  T* by_target = nullptr;  ///< and by the second
  double scale = 1;
};

namespace detail {

/// The text, the graph of inputs 0 and 1, and its programs.
class WrittenLoss {
 public:
  /// As it was given, with single spaces.
  const std::string& text() const { return text_; }
  const Expr& value() const { return value_; }
  /// Its derivative with respect to input 0.
  Expr slope() const;
  /// Computes the loss of `count` elements; returns the sum of the losses, which does not depend on the number of
  /// threads. A result may be the same array as an operand.
  template <class T>
  double compute(const T* input, const T* target, std::int64_t count, const FormulaOutputs<T>& outputs) const;

 protected:
  WrittenLoss(std::string text, const Expr& value);

 private:
  struct Programs;
  std::string text_;
  Expr value_;
  std::shared_ptr<const Programs> programs_;
};

}  // namespace detail

/// A loss of one input element y (also called input) and one target element t (target): "abs(y - t)^1.5".
class Formula : public detail::WrittenLoss {
 public:
  static constexpr LossInfo info{.name = "formula",
                                 .torch_name = "",
                                 .family = Family::regression,
                                 .operands = elementwise_operands(prediction(Meaning::any), target(Meaning::any)),
                                 .summary = "A custom formula of y and t."};
  /// See parse_expr() for the language. Throws ValueError, as that does, and where y does not occur.
  static Formula parse(std::string_view text);

 private:
  friend class ClassFormula;
  using WrittenLoss::WrittenLoss;
};

/// A loss of one class, summed over the classes of a row: of its log-probability log_p (or its probability p) and its
/// target probability t, which is 0 or 1 for class indices: "-t * (1 - p)^2 * log_p".
class ClassFormula : public detail::WrittenLoss {
 public:
  static constexpr LossInfo info{.name = "formula",
                                 .torch_name = "",
                                 .family = Family::softmax,
                                 .operands = {class_logits_operand.of(Meaning::any), class_target_operand,
                                              class_weight_operand.not_deciding_dtype()},
                                 .unit = Unit::row,
                                 .summary = "A custom formula of log_p and t, summed over the classes."};
  /// See Formula::parse().
  static ClassFormula parse(std::string_view text);
  /// The loss of a row of two classes as a function of z, the logit of the true class minus the other one.
  Formula of_two_classes() const;

  /// Whether a class with t = 0 adds nothing: then the loss of a row with a label is a formula of that class's log_p.
  bool is_of_own_class() const { return own_class_.has_value(); }
  /// As kernels::softmax_loss(), for labels without smoothing, where is_of_own_class().
  template <class T>
  double compute_rows(const kernels::SoftmaxTask<T>& task) const;

 private:
  using WrittenLoss::WrittenLoss;
  std::optional<Formula> own_class_;  ///< with t = 1, by log_p
};

/// Which of the two it is: a formula of p or log_p, and not of y.
bool is_class_formula(std::string_view text);

}  // namespace perdita
