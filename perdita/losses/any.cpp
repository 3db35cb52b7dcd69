#include "perdita/losses/any.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "perdita/core/suggest.hpp"
#include "perdita/losses/aliases.hpp"
#include "perdita/losses/stable_formula.hpp"

namespace perdita {

LossVariant::LossVariant() noexcept = default;
LossVariant::LossVariant(const LossVariant&) = default;
LossVariant::LossVariant(LossVariant&&) noexcept = default;
LossVariant& LossVariant::operator=(const LossVariant&) = default;
LossVariant& LossVariant::operator=(LossVariant&&) noexcept = default;
LossVariant::~LossVariant() = default;

template <class Loss>
requires detail::HoldsAlternative<detail::LossVariantBase, Loss>::value LossVariant::LossVariant(const Loss& loss)
    : detail::LossVariantBase(loss) {}

#define PERDITA_CONSTRUCTOR(Loss, ...) template LossVariant::LossVariant(const Loss&);
PERDITA_LOSSES(PERDITA_CONSTRUCTOR)
PERDITA_CONSTRUCTOR(Formula)
PERDITA_CONSTRUCTOR(ClassFormula)
PERDITA_CONSTRUCTOR(Quantiles)
#undef PERDITA_CONSTRUCTOR

namespace {

double parse_number(std::string_view loss, std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || std::isnan(value)) {
    fail<ValueError>("loss {}: {} is '{}' (valid: a number)", loss, option, text);
  }
  return value;
}

std::int64_t parse_integer(std::string_view loss, std::string_view option, std::string_view text) {
  const double value = parse_number(loss, option, text);
  if (!(std::abs(value) < 0x1p53) || value != std::floor(value)) {
    fail<ValueError>("loss {}: {} is '{}' (valid: a whole number)", loss, option, text);
  }
  return static_cast<std::int64_t>(value);
}

bool parse_bool(std::string_view loss, std::string_view option, std::string_view text) {
  for (std::string_view yes : {"1", "true", "yes"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"0", "false", "no"}) {
    if (text == no) return false;
  }
  fail<ValueError>("loss {}: {} is '{}' (valid: true or false)", loss, option, text);
}

/// Sets what every loss of a family has; false if `name` is none of it.
bool set_family_option(AnyLoss& any, std::string_view name, std::string_view value) {
  const LossInfo& info = info_of(any);
  if (name == "missing" && is_elementwise(info)) {
    if (value != "nan" && value != "none")
      fail<ValueError>("loss {}: missing is '{}' (valid: nan, none)", info.name, value);
    any.missing = value == "nan";
    return true;
  }
  if (name == "label_smoothing" && (takes_class_probabilities(info) || has_smooth_labels(info))) {
    any.label_smoothing = parse_number(info.name, name, value);
    if (!probabilities.contains(any.label_smoothing)) {
      fail<ValueError>("loss {}: label_smoothing is {} (valid: 0..1)", info.name, any.label_smoothing);
    }
    return true;
  }
  if (name == "ignore_index" && is_of_class_rows(info)) {
    any.ignore_index = parse_integer(info.name, name, value);
    return true;
  }
  return false;
}

std::string valid_of(const ParameterInfo& parameter) {
  const bool is_bounded = std::isfinite(parameter.valid.low) || std::isfinite(parameter.valid.high);
  if (parameter.is_bool) return "true or false";
  if (!parameter.choices.empty()) return fmt::format("{}", fmt::join(parameter.choices, " or "));
  return parameter.is_integer && !is_bounded ? "any integer" : to_string(parameter.valid);
}

/// The value of a parameter from its text. Throws ValueError.
double parse_value(std::string_view loss, const ParameterInfo& parameter, std::string_view text) {
  if (parameter.is_bool) return parse_bool(loss, parameter.name, text) ? 1 : 0;
  if (parameter.choices.empty()) {
    return parameter.is_integer ? static_cast<double>(parse_integer(loss, parameter.name, text))
                                : parse_number(loss, parameter.name, text);
  }
  const auto found = std::ranges::find(parameter.choices, text);
  if (found == parameter.choices.end()) {
    fail<ValueError>("loss {}: {} is '{}' (valid: {}){}", loss, parameter.name, text, valid_of(parameter),
                     suggestion(text, {parameter.choices.begin(), parameter.choices.end()}));
  }
  return static_cast<double>(found - parameter.choices.begin());
}

std::vector<std::string_view> option_names(const AnyLoss& any) {
  std::vector<std::string_view> names;
  for (const ParameterValue& parameter : parameters_of(any)) names.push_back(parameter.name);
  const LossInfo& info = info_of(any);
  if (takes_class_probabilities(info) || has_smooth_labels(info)) names.push_back("label_smoothing");
  if (is_of_class_rows(info)) names.push_back("ignore_index");
  if (is_elementwise(info)) names.push_back("missing");
  return names;
}

void set_option(AnyLoss& any, std::string_view name, std::string_view value) {
  if (std::holds_alternative<Quantile>(any.loss) && name == "q" && value.find('/') != value.npos) {
    any.loss = Quantiles::parse(value);
    return;
  }
  const bool known = std::visit(
      [&]<class Loss>(Loss& loss) {
        if constexpr (requires { Loss::parameters(); }) {
          for (const auto& parameter : parameter_table<Loss>) {
            if (parameter.name != name) continue;
            parameter.set(loss, parse_value(Loss::info.name, parameter, value));
            return true;
          }
        }
        return false;
      },
      any.loss);
  if (known || set_family_option(any, name, value)) return;
  const auto names = option_names(any);
  fail<ValueError>("loss {} has no option '{}' (valid: {}){}", info_of(any).name, name,
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")), suggestion(name, names));
}

/// A loss of the list by the name of the loss or of its function.
struct ListedName {
  std::string_view name, function;
  AnyLoss (*make)();
};
constexpr ListedName listed_names[] = {
#define PERDITA_LISTED(Loss, function, ...) {Loss::info.name, #function, [] { return AnyLoss{.loss = Loss{}}; }},
    PERDITA_LOSSES(PERDITA_LISTED)
#undef PERDITA_LISTED
};

AnyLoss with_name(std::string_view name) {
  for (const ListedName& listed : listed_names) {
    if (listed.name == name || listed.function == name) return listed.make();
  }
  constexpr std::size_t most_shown = 30;
  const auto names = loss_names();
  const std::string meant = meant_loss(name);
  fail<ValueError>("unknown loss '{}' (valid: {}, and {} others, which 'perdita losses' lists){}", name,
                   fmt::join(std::span(names).first(most_shown), ", "), names.size() - most_shown,
                   meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

constexpr Interval valid_level = Quantile::parameters()[0].valid;

}  // namespace

Quantiles Quantiles::parse(std::string_view text) {
  Quantiles result{.levels = {}};
  for (std::string_view rest = text == "/" ? "" : text; !rest.empty();) {
    const std::string_view level = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), level.size() + 1));
    result.levels.push_back(parse_number(info.name, "q", level));
  }
  result.check();
  return result;
}

std::string Quantiles::text_of_levels() const {
  return fmt::format("{}{}", fmt::join(levels, "/"), levels.size() == 1 ? "/" : "");
}

void Quantiles::check() const {
  if (levels.empty()) fail<ValueError>("{}: q is empty (valid: one or more numbers)", info.name);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (valid_level.contains(levels[i])) continue;
    fail<ValueError>("{}: q[{}] is {} (valid: {})", info.name, i, levels[i], to_string(valid_level));
  }
}

AnyLoss parse_loss(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (text.substr(0, colon) == Formula::info.name) {
    if (colon == text.npos) fail<ValueError>("loss formula: the formula is missing (valid: formula: abs(y - t)^1.5)");
    const std::string formula = formula_to_train(text.substr(colon + 1));
    if (is_class_formula(formula)) return {.loss = ClassFormula::parse(formula)};
    return {.loss = Formula::parse(formula)};
  }
  AnyLoss any = with_name(text.substr(0, colon));
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find(','));
    rest.remove_prefix(option.size());
    if (rest == ",") fail<ValueError>("loss {}: no option follows the last comma", info_of(any).name);
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) {
      fail<ValueError>("loss {}: option '{}' has no value (valid: NAME=VALUE,...)", info_of(any).name, option);
    }
    set_option(any, option.substr(0, equals), option.substr(equals + 1));
  }
  std::visit([](const auto& loss) { check_parameters(loss); }, any.loss);
  return any;
}

const LossInfo& info_of(const AnyLoss& any) {
  return std::visit([]<class Loss>(const Loss&) -> const LossInfo& { return Loss::info; }, any.loss);
}

std::vector<DeclaredParameter> declared_parameters(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) -> std::vector<DeclaredParameter> {
        if constexpr (requires { loss.parametric_value(); })
          return loss.parameters();
        else
          return {};
      },
      any.loss);
}

std::vector<ParameterValue> parameters_of(const AnyLoss& any) {
  std::vector<ParameterValue> values;
  std::visit(
      [&]<class Loss>(const Loss& loss) {
        if constexpr (requires { Loss::parameters(); }) {
          for (const auto& parameter : parameter_table<Loss>)
            values.push_back({parameter, parameter.get(loss), parameter.get(Loss{})});
        }
      },
      any.loss);
  return values;
}

std::string text_of(const ParameterInfo& parameter, double value) {
  if (parameter.is_bool) return value != 0 ? "true" : "false";
  if (!parameter.choices.empty()) return std::string(parameter.choices[static_cast<std::size_t>(value)]);
  return fmt::format("{}", value);
}

void refuse_parameter(std::string_view loss, const ParameterInfo& parameter, double value) {
  fail<ValueError>("{}: {} is {} (valid: {}{})", loss, parameter.name, value, to_string(parameter.valid),
                   std::isinf(value) && parameter.valid.finite_only ? ", finite" : "");
}

std::vector<double> levels_of(const AnyLoss& any) {
  const auto* const quantiles = std::get_if<Quantiles>(&any.loss);
  return quantiles ? quantiles->levels : std::vector<double>();
}

std::string to_string(const AnyLoss& any) {
  const std::string* const formula = std::visit(
      []<class Loss>(const Loss& loss) -> const std::string* {
        if constexpr (requires { loss.text(); })
          return &loss.text();
        else
          return nullptr;
      },
      any.loss);
  if (formula) return fmt::format("{}: {}", Formula::info.name, *formula);
  std::vector<std::string> options;
  if (const auto* several = std::get_if<Quantiles>(&any.loss))
    options.push_back(fmt::format("q={}", several->text_of_levels()));
  for (const ParameterValue& parameter : parameters_of(any)) {
    if (parameter.value != parameter.usual)
      options.push_back(fmt::format("{}={}", parameter.name, text_of(parameter, parameter.value)));
  }
  if (any.label_smoothing != 0) options.push_back(fmt::format("label_smoothing={}", any.label_smoothing));
  if (any.ignore_index != -100) options.push_back(fmt::format("ignore_index={}", any.ignore_index));
  if (any.missing) options.push_back("missing=nan");
  return fmt::format("{}{}{}", info_of(any).name, options.empty() ? "" : ":", fmt::join(options, ","));
}

std::vector<std::string_view> loss_names() {
  std::vector<std::string_view> names;
  for (const ListedName& listed : listed_names) names.push_back(listed.name);
  return names;
}

std::vector<std::string> describe_parameters(const AnyLoss& any) {
  if (std::holds_alternative<Quantiles>(any.loss)) return describe_parameters({.loss = Quantile{}});
  std::vector<std::string> lines;
  for (const ParameterValue& parameter : parameters_of(any)) {
    lines.push_back(fmt::format("{}: {} (default {}, valid: {})", parameter.name, parameter.meaning,
                                text_of(parameter, parameter.usual), valid_of(parameter)));
  }
  const LossInfo& info = info_of(any);
  if (takes_class_probabilities(info)) {
    lines.push_back(
        "label_smoothing: share of the target that is distributed evenly over the classes (default 0, valid: 0..1)");
  }
  if (has_smooth_labels(info))
    lines.push_back("label_smoothing: s, by which a label t becomes (1 - s) t + s / 2 (default 0, valid: 0..1)");
  if (is_of_class_rows(info))
    lines.push_back("ignore_index: rows with this label are ignored (default -100, valid: any integer)");
  if (is_elementwise(info)) {
    lines.push_back(
        "missing: nan if elements whose target is NaN are left out, of losses, gradients and denominators (default "
        "none, valid: nan, none)");
  }
  return lines;
}

std::vector<std::string> describe_operands(const LossInfo& info) {
  std::vector<std::string> lines;
  for (const LossOperand& operand : info.operands) {
    std::string line = fmt::format("{} ({}{}): {}", operand.name, name_of(operand.role),
                                   operand.is_optional ? ", optional" : "", name_of(operand.meaning));
    // Of class indices it would be that of the probabilities.
    const bool has_domain = operand.element == Element::floating && to_string(operand.domain) != to_string(reals);
    if (has_domain) line += fmt::format(", valid: {}", to_string(operand.domain));
    lines.push_back(fmt::format("{}; shape {}", line, operand.shape));
  }
  return lines;
}

std::string describe_losses(const LossInfo& info) {
  const auto each = [&](std::string_view losses, std::string_view usual) {
    return fmt::format("{}; a mean divides by {}", losses, info.counted.empty() ? usual : info.counted);
  };
  switch (info.unit) {
    case Unit::element:
      return each("one loss per element, of the shape that the operands broadcast to",
                  info.mean == Normalize::weight_sum ? "the number of losses, or by the sum of the weights"
                  : info.mean == Normalize::batch    ? "the size of the first dimension"
                                                     : "the number of losses");
    case Unit::row:
      return is_of_class_rows(info)
                 ? each("one loss per row, of the shape of class indices", "the sum of their weights")
                 : each("one loss per row", "the number of rows");
    case Unit::vector:
      return each("one loss per row of vectors", "the number of rows");
    case Unit::mask:
      return each("one loss per mask, [N, C], [N], [C] or []", "the number of masks");
    case Unit::sequence:
      return each("one loss per sequence, [N], or [] for one sequence", "the number of sequences");
    case Unit::event:
      return each("one loss per event and 0 for the other samples, [N]", "the number of events");
    case Unit::group:
      return each("one loss per group, [G]", "the number of groups");
    case Unit::image:
      return each("one loss per image, [N] or []", "the number of images");
  }
  return "";
}

std::string to_string(const Interval& interval) {
  if (interval.ends_only) return fmt::format("{} or {}", interval.low, interval.high);
  const bool below = std::isfinite(interval.low), above = std::isfinite(interval.high);
  if (!below && !above) return "any number";
  if (below && above && interval.includes_low && interval.includes_high)
    return fmt::format("{}..{}", interval.low, interval.high);
  const std::string from =
      interval.includes_low ? fmt::format("{} or more", interval.low) : fmt::format("above {}", interval.low);
  const std::string to =
      interval.includes_high ? fmt::format("{} or less", interval.high) : fmt::format("below {}", interval.high);
  return below && above ? fmt::format("{}, {}", from, to) : below ? from : to;
}

}  // namespace perdita
