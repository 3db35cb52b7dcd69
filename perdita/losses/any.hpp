// A loss chosen at run time: by name and options, as on a command line.
#pragma once

#include <cmath>
#include <concepts>
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
}  // namespace detail

/// A std::variant of the losses of the list, a formula, or several quantiles. Copies and destructors are compiled once,
/// in any.cpp: inline, each file that copies options would hold a copy of every loss's.
struct LossVariant : detail::LossVariantBase {
  LossVariant() noexcept;
  LossVariant(const LossVariant&);
  LossVariant(LossVariant&&) noexcept;
  LossVariant& operator=(const LossVariant&);
  LossVariant& operator=(LossVariant&&) noexcept;
  ~LossVariant();

  template <class Loss>
  requires(!std::derived_from<std::remove_cvref_t<Loss>, detail::LossVariantBase> &&
           std::constructible_from<detail::LossVariantBase, Loss>) LossVariant(Loss&& loss)
      : detail::LossVariantBase(std::forward<Loss>(loss)) {}
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

/// A loss of the list with its parameters, a formula, or several quantiles; and the options of the softmax family that
/// are plain numbers.
struct AnyLoss {
  LossVariant loss;
  double label_smoothing = 0;
  std::int64_t ignore_index = -100;
};

/// "huber", "huber:delta=2", "cross_entropy:label_smoothing=0.1". Names are those of the list, or of the functions
/// ("huber_loss"); bools are 0, 1, true, false, yes or no. "formula: abs(y - t)^1.5" is a custom loss, see Formula and
/// ClassFormula; "quantile:q=0.05/0.5/0.95" means several quantiles, see Quantiles. Throws ValueError whose message
/// names the error and the valid values, with the nearest name for a misspelt one.
AnyLoss parse_loss(std::string_view text);

/// The catalogue entry.
const LossInfo& info_of(const AnyLoss& loss);

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

/// The value of a parameter as options have it: a number, true or false, or a name.
template <class Loss>
std::string text_of(const Parameter<Loss>& parameter, const Loss& loss) {
  const double value = parameter.get(loss);
  if (parameter.is_bool) return value != 0 ? "true" : "false";
  if (!parameter.choices.empty()) return std::string(parameter.choices[static_cast<std::size_t>(value)]);
  return fmt::format("{}", value);
}

}  // namespace perdita
