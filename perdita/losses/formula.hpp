// Losses that are given as text at run time. They are evaluated block by block (see
// expr/program.hpp), and differentiated as formulas.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/expr/parse.hpp"
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
  /// Parameters have their first values in it.
  const Expr& value() const { return value_; }
  /// The numbers that the text declares as learned, param(sigma, 1.0).
  const std::vector<DeclaredParameter>& parameters() const { return parameters_; }
  /// The loss as a graph of inputs 0 and 1 and of the parameters, which are inputs 2, 3, ...
  const Expr& parametric_value() const { return parametric_value_; }
  /// Its derivative with respect to input 0.
  Expr slope() const;
  /// Whether elements of float32 are computed in float64, and results rounded: "...; compute=float64".
  bool is_computed_in_float64() const { return in_float64_; }
  /// Computes the loss of `count` elements; returns the sum of the losses, which does not depend on the number of
  /// threads. A result may be the same array as an operand.
  template <class T>
  double compute(const T* input, const T* target, std::int64_t count, const FormulaOutputs<T>& outputs) const;

 protected:
  /// A formula as a graph.
  struct WrittenValue {
    Expr fixed;       ///< with the first values of its parameters
    Expr parametric;  ///< of which the parameters are inputs
    std::vector<DeclaredParameter> parameters;
  };
  WrittenLoss(std::string text, const WrittenValue& value, bool in_float64);

 private:
  struct Programs;
  std::string text_;
  Expr value_, parametric_value_;
  std::vector<DeclaredParameter> parameters_;
  bool in_float64_;
  std::shared_ptr<const Programs> programs_;
};

}  // namespace detail

/// A loss of one input element y (also called input) and one target element t (target): "abs(y - t)^1.5".
///
/// A formula may declare numbers that are learned: "(y - t)^2 / s + log(s) where s = exp(param(log_s, 0))". nn::Sum and
/// functional::formula_loss() take their values; everywhere else they have the first one.
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
