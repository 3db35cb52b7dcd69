// The description of a loss, as data: names, domains, properties, guidance. The catalogue, the checks of input, the
// command line, the reference pages and the tests are generated from it.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <type_traits>

#include "perdita/losses/reduction.hpp"
#include "perdita/losses/signature.hpp"

namespace perdita {

/// Properties of the loss as a function of its input, for any fixed target in its domain and the default parameters.
/// Each is a claim, and each claim is tested numerically.
enum class Trait : unsigned {
  none = 0,
  convex = 1,     ///< below its chords
  lipschitz = 2,  ///< derivative bounded by a constant
  smooth = 4,     ///< the gradient is continuous
  symmetric = 8,  ///< depends on |input - target| only
  never_negative = 16,
  proper = 32,  ///< the expected loss is minimal at the true probability (or mean)
};
constexpr Trait operator|(Trait a, Trait b) {
  return static_cast<Trait>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Trait set, Trait trait) { return (static_cast<unsigned>(set) & static_cast<unsigned>(trait)) != 0; }

enum class Family {
  regression,
  likelihood,
  binary,
  softmax,
  margin,
  distance,
  overlap,
  sequence,
  survival,
  ranking,
  contrastive,
  box,
  image,
  ordinal,
  preference
};
constexpr std::string_view name_of(Family family) {
  switch (family) {
    case Family::regression:
      return "regression";
    case Family::likelihood:
      return "likelihood";
    case Family::binary:
      return "binary";
    case Family::softmax:
      return "softmax";
    case Family::margin:
      return "margin";
    case Family::distance:
      return "distance";
    case Family::overlap:
      return "overlap";
    case Family::sequence:
      return "sequence";
    case Family::survival:
      return "survival";
    case Family::ranking:
      return "ranking";
    case Family::contrastive:
      return "contrastive";
    case Family::box:
      return "box";
    case Family::image:
      return "image";
    case Family::ordinal:
      return "ordinal";
    case Family::preference:
      return "preference";
  }
  return "unknown";
}

/// The catalogue entry of a loss.
struct LossInfo {
  std::string_view name;        ///< "huber", as on the command line
  std::string_view torch_name;  ///< the function of torch.nn.functional, or empty
  Family family;
  Operands operands;                ///< the arguments of the loss
  Unit unit = Unit::element;        ///< the part of the data of one loss
  std::string_view summary;         ///< one sentence
  std::string_view variables = {};  ///< variables of the formula, if they are not an input and a target
  Interval input = operands.first(Role::prediction).domain;  ///< domain of the formula's y
  Interval target = operands.domain_of_target();             ///< domain of its t
  Interval rate = reals;              ///< domain of the input if the parameter log_input is false
  Interval log_target = reals;        ///< domain of the target if the parameter log_target is true
  bool broadcasts = true;             ///< whether input and target may differ in shape
  bool grows_input = true;            ///< whether PyTorch broadcasts the input to a larger target, too
  Normalize mean = Normalize::count;  ///< the standard denominator of a mean with element weights
  std::string_view counted = {};      ///< what a mean divides by, if that is not the number of units
  bool checks_domain = false;         ///< whether elements outside the domains are errors, as in PyTorch
  Trait traits = Trait::none;
  std::string_view use_when = {};
  std::string_view avoid_when = {};
  std::string_view source = {};       ///< paper or text, with the equation where there is one
  std::string_view differences = {};  ///< from PyTorch, and why; empty where there are none
};

/// The meaning of the first prediction, and of the target; `any` for a loss without a target.
constexpr Meaning meaning_of_prediction(const LossInfo& info) { return info.operands.first(Role::prediction).meaning; }
constexpr Meaning meaning_of_target(const LossInfo& info) {
  return info.operands.has(Role::target) ? info.operands.first(Role::target).meaning : Meaning::any;
}

/// Whether a sample is a row of logits (or log-probabilities) of classes with one true class, without further operands
/// except the counts of the classes.
constexpr bool is_of_class_rows(const LossInfo& info) {
  const bool has_more = info.operands.has(Role::side_information) &&
                        info.operands.first(Role::side_information).meaning != Meaning::count;
  return !has_more && info.unit == Unit::row && meaning_of_target(info) == Meaning::class_index &&
         meaning_of_prediction(info) != Meaning::score;
}

/// Whether the target of such a row may be probabilities of the classes, too.
constexpr bool takes_class_probabilities(const LossInfo& info) {
  return is_of_class_rows(info) && info.operands.first(Role::target).element == Element::floating_or_integer;
}

/// Whether the loss of class rows takes the number of training samples of each class.
constexpr bool takes_class_counts(const LossInfo& info) {
  return is_of_class_rows(info) && info.operands.has(Role::side_information);
}

/// Whether the loss is a formula of an element of the input and one of the target.
constexpr bool is_elementwise(const LossInfo& info) {
  return info.unit == Unit::element && info.operands.count(Role::prediction) == 1 &&
         info.operands.count(Role::target) == 1 && !info.operands.has(Role::side_information);
}

/// Whether the loss is a formula of an element of each of its operands, which are more than an input and a target, or
/// others: a distribution with a scale, an interval of times, two completions. The formula takes them in the order of
/// the signature. (gaussian_nll and margin_ranking, which take no weights, have functions with the rules of PyTorch.)
constexpr bool is_of_several_operands(const LossInfo& info) {
  return info.unit == Unit::element && info.operands.has(Role::weight) && !is_elementwise(info) &&
         meaning_of_target(info) != Meaning::ordered_class;
}

/// Whether a row of elements is a distribution, and its loss their sum.
constexpr bool sums_distributions(const LossInfo& info) {
  return is_elementwise(info) && meaning_of_prediction(info) == Meaning::log_probability;
}

/// Whether the loss compares scores, or vectors, with each other.
constexpr bool compares_predictions(const LossInfo& info) {
  const bool has_several = info.operands.count(Role::prediction) > 1 && meaning_of_prediction(info) == Meaning::score;
  return info.unit == Unit::vector || (info.unit == Unit::row && !is_of_class_rows(info)) || has_several;
}

/// Whether a weight of positive labels may be given.
constexpr bool takes_pos_weight(const LossInfo& info) {
  return std::any_of(info.operands.begin(), info.operands.end(), is_pos_weight);
}

/// Domain of the input of `loss`, which may depend on its parameters.
template <class Loss>
constexpr Interval input_domain(const Loss& loss) {
  if constexpr (requires { loss.log_input; }) {
    if (!loss.log_input) return Loss::info.rate;
  }
  return Loss::info.input;
}

/// Domain of the target of `loss`, which may depend on its parameters.
template <class Loss>
constexpr Interval target_domain(const Loss& loss) {
  if constexpr (requires { loss.log_target; }) {
    if (loss.log_target) return Loss::info.log_target;
  }
  return Loss::info.target;
}

/// A parameter of any loss: a number (possibly an integer), a bool, or one of several names.
struct ParameterInfo {
  std::string_view name;
  std::string_view meaning;
  Interval valid;
  bool is_bool, is_integer;
  std::span<const std::string_view> choices;  ///< the names of the values 0, 1, ...; empty for a number or a bool
};

/// A parameter of loss L, which is a field of its struct.
template <class L>
struct Parameter : ParameterInfo {
  double (*get)(const L&);
  void (*set)(L&, double);
};

namespace detail {
template <class>
struct FieldOf;
template <class L, class F>
struct FieldOf<F L::*> {
  using Loss = L;
  using Field = F;
};
}  // namespace detail

/// The parameters of a loss as a constant, which loops read in place.
template <class Loss>
inline constexpr auto parameter_table = Loss::parameters();

/// Whether a parameter without a bound may be infinite.
enum class Infinite { refused, allowed };

/// Describes a field: parameter<&Huber::delta>("delta", "absolute error at which the loss becomes linear", positive).
template <auto field>
constexpr auto parameter(std::string_view name, std::string_view meaning, Interval valid = reals,
                         Infinite infinite = Infinite::refused) {
  valid.finite_only = infinite == Infinite::refused;
  using L = typename detail::FieldOf<decltype(field)>::Loss;
  using F = typename detail::FieldOf<decltype(field)>::Field;
  return Parameter<L>{
      {name, meaning, valid, std::is_same_v<F, bool>, std::is_integral_v<F> && !std::is_same_v<F, bool>, {}},
      [](const L& loss) { return static_cast<double>(loss.*field); },
      [](L& loss, double value) { loss.*field = static_cast<F>(value); }};
}

/// Describes a field of an enumeration: choice<&Cox::ties>("ties", "treatment of tied events", tie_names), where names
/// are those of the values 0, 1, ...
template <auto field>
constexpr auto choice(std::string_view name, std::string_view meaning, std::span<const std::string_view> names) {
  using L = typename detail::FieldOf<decltype(field)>::Loss;
  using F = typename detail::FieldOf<decltype(field)>::Field;
  return Parameter<L>{{name, meaning, {.low = 0, .high = static_cast<double>(names.size()) - 1}, false, true, names},
                      [](const L& loss) { return static_cast<double>(loss.*field); },
                      [](L& loss, double value) { loss.*field = static_cast<F>(static_cast<int>(value)); }};
}

/// The parameters of `first`, then those of `second`.
template <class L, std::size_t m, std::size_t n>
constexpr std::array<Parameter<L>, m + n> joined(const std::array<Parameter<L>, m>& first,
                                                 const std::array<Parameter<L>, n>& second) {
  std::array<Parameter<L>, m + n> all{};
  std::copy(first.begin(), first.end(), all.begin());
  std::copy(second.begin(), second.end(), all.begin() + m);
  return all;
}

}  // namespace perdita
