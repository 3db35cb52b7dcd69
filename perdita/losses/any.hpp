// A loss chosen at run time: by name and options, as on a command line.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "perdita/losses/formula.hpp"
#include "perdita/losses/list.hpp"
#include "perdita/losses/parameter_range.hpp"
#include "perdita/losses/regression/quantiles.hpp"

namespace perdita {

namespace detail {
template <class List, class... More>
struct VariantOf;
template <class... Listed, class... More>
struct VariantOf<TypeList<Listed...>, More...> {
  using type = std::variant<Listed..., More...>;
};
using LossVariantBase = VariantOf<Losses, Formula, ClassFormula, Quantiles>::type;

template <class Variant, class Loss>
struct HoldsAlternative;
template <class... Alternatives, class Loss>
struct HoldsAlternative<std::variant<Alternatives...>, Loss>
    : std::bool_constant<(std::is_same_v<Alternatives, Loss> || ...)> {};
}  // namespace detail

/// A std::variant of the losses of the list, a formula, or several quantiles. Its constructors and destructor are
/// compiled once, in any.cpp: inline, each file that makes or copies one would hold those of every loss.
struct LossVariant : detail::LossVariantBase {
  LossVariant() noexcept;
  LossVariant(const LossVariant&);
  LossVariant(LossVariant&&) noexcept;
  LossVariant& operator=(const LossVariant&);
  LossVariant& operator=(LossVariant&&) noexcept;
  ~LossVariant();

  template <class Loss>
  requires detail::HoldsAlternative<detail::LossVariantBase, Loss>::value LossVariant(const Loss& loss);
};

/// The function of several quantiles.
template <>
inline constexpr const char* function_name<Quantiles> = function_name<Quantile>;
/// The function of a formula of elements.
template <>
inline constexpr const char* function_name<Formula> = "formula_loss";
/// The function of a formula of classes.
template <>
inline constexpr const char* function_name<ClassFormula> = "formula_loss";

/// A loss of the list with its parameters, a formula, or several quantiles; and the options of whole families that are
/// plain numbers.
struct AnyLoss {
  LossVariant loss;
  double label_smoothing = 0;        ///< of losses of classes, and of labels from 0 to 1
  std::int64_t ignore_index = -100;  ///< of losses of classes
  bool missing = false;              ///< of losses of an input and a target element: whether NaN targets are left out
};

/// Whether targets are labels from 0 to 1, or the probability of a 1, which may be smoothed.
constexpr bool has_smooth_labels(const LossInfo& info) {
  return is_elementwise(info) && meaning_of_target(info) == Meaning::label;
}

/// "huber", "huber:delta=2", "cross_entropy:label_smoothing=0.1". Names are those of the list, or of the functions
/// ("huber_loss"); bools are 0, 1, true, false, yes or no. "formula: abs(y - t)^1.5" is a custom loss, see Formula and
/// ClassFormula; "quantile:q=0.05/0.5/0.95" means several quantiles, see Quantiles. Throws ValueError whose message
/// names the error and the valid values, with the nearest name for a misspelt one.
AnyLoss parse_loss(std::string_view text);

/// The catalogue entry.
const LossInfo& info_of(const AnyLoss& loss);

/// A parameter of a loss, its value, and the value that it has by default.
struct ParameterValue : ParameterInfo {
  double value, usual;
};

/// The parameters of a loss, in the order of its description; none for a formula and for several quantiles.
std::vector<ParameterValue> parameters_of(const AnyLoss& loss);

/// A value of a parameter as options have it: a number, true or false, or a name.
std::string text_of(const ParameterInfo& parameter, double value);

/// The numbers that a written formula declares as learned; none for other losses.
std::vector<DeclaredParameter> declared_parameters(const AnyLoss& loss);

/// The levels of a loss of several quantiles; none for other losses.
std::vector<double> levels_of(const AnyLoss& loss);

/// The text that parse_loss() reads back: the name, and the parameters that differ from their defaults.
std::string to_string(const AnyLoss& loss);

/// All names, in the order of the list.
std::vector<std::string_view> loss_names();

/// "delta: absolute error at which the loss becomes linear (default 1, valid: above 0)", one line per parameter.
std::vector<std::string> describe_parameters(const AnyLoss& loss);

/// "input (prediction): logits; shape [N, C]", one line per operand.
std::vector<std::string> describe_operands(const LossInfo& info);

/// The result of reduction none and the denominator of a mean: "one loss per group, [G]; a mean divides by ...". Both
/// follow from the unit.
std::string describe_losses(const LossInfo& info);

}  // namespace perdita
