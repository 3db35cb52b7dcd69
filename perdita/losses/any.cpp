#include "perdita/losses/any.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "perdita/core/suggest.hpp"
#include "perdita/losses/aliases.hpp"

namespace perdita {

LossVariant::LossVariant() noexcept = default;
LossVariant::LossVariant(const LossVariant&) = default;
LossVariant::LossVariant(LossVariant&&) noexcept = default;
LossVariant& LossVariant::operator=(const LossVariant&) = default;
LossVariant& LossVariant::operator=(LossVariant&&) noexcept = default;
LossVariant::~LossVariant() = default;

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

/// Sets what every loss of class rows has; false if `name` is none of it.
bool set_class_option(AnyLoss& any, std::string_view name, std::string_view value) {
  const LossInfo& info = info_of(any);
  if (!is_of_class_rows(info)) return false;
  if (name == "label_smoothing" && takes_class_probabilities(info)) {
    any.label_smoothing = parse_number(info.name, name, value);
    if (!probabilities.contains(any.label_smoothing)) {
      fail<ValueError>("loss {}: label_smoothing is {} (valid: 0..1)", info.name, any.label_smoothing);
    }
    return true;
  }
  if (name == "ignore_index") {
    any.ignore_index = parse_integer(info.name, name, value);
    return true;
  }
  return false;
}

/// visit(parameter, the loss with its defaults), which a loss without parameters need not have.
template <class Loss, class Visit>
void each_parameter(const Visit& visit) {
  if constexpr (requires { Loss::parameters(); }) {
    for (const auto& parameter : Loss::parameters()) visit(parameter, Loss{});
  }
}

template <class Loss>
std::string valid_of(const Parameter<Loss>& parameter) {
  const bool is_bounded = std::isfinite(parameter.valid.low) || std::isfinite(parameter.valid.high);
  if (parameter.is_bool) return "true or false";
  if (!parameter.choices.empty()) return fmt::format("{}", fmt::join(parameter.choices, " or "));
  return parameter.is_integer && !is_bounded ? "any integer" : to_string(parameter.valid);
}

/// The value of a parameter from its text. Throws ValueError.
template <class Loss>
double parse_value(const Parameter<Loss>& parameter, std::string_view text) {
  constexpr std::string_view loss = Loss::info.name;
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
  std::visit(
      [&]<class Loss>(const Loss&) {
        for (const auto& parameter : parameters_of<Loss>()) names.push_back(parameter.name);
      },
      any.loss);
  if (is_of_class_rows(info_of(any))) {
    if (takes_class_probabilities(info_of(any))) names.push_back("label_smoothing");
    names.push_back("ignore_index");
  }
  return names;
}

void set_option(AnyLoss& any, std::string_view name, std::string_view value) {
  if (std::holds_alternative<Quantile>(any.loss) && name == "q" && value.find('/') != value.npos) {
    any.loss = Quantiles::parse(value);
    return;
  }
  const bool known = std::visit(
      [&]<class Loss>(Loss& loss) {
        for (const auto& parameter : parameters_of<Loss>()) {
          if (parameter.name != name) continue;
          parameter.set(loss, parse_value(parameter, value));
          return true;
        }
        return false;
      },
      any.loss);
  if (known || set_class_option(any, name, value)) return;
  const auto names = option_names(any);
  fail<ValueError>("loss {} has no option '{}' (valid: {}){}", info_of(any).name, name,
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")), suggestion(name, names));
}

AnyLoss with_name(std::string_view name) {
  std::optional<AnyLoss> found;
  for_each_loss([&]<class Loss>(const Loss& loss) {
    if (Loss::info.name == name || function_name<Loss> == name) {
      found = AnyLoss{.loss = loss};
    }
  });
  if (found) return *found;
  const auto names = loss_names();
  const std::string meant = meant_loss(name);
  fail<ValueError>("unknown loss '{}' (valid: {}){}", name, fmt::join(names, ", "),
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
    const std::string_view formula = text.substr(colon + 1);
    if (is_class_formula(formula)) return {.loss = ClassFormula::parse(formula)};
    return {.loss = Formula::parse(formula)};
  }
  AnyLoss any = with_name(text.substr(0, colon));
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
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
  std::visit(
      [&]<class Loss>(const Loss& loss) {
        each_parameter<Loss>([&](const auto& parameter, const auto& usual) {
          if (parameter.get(loss) == parameter.get(usual)) return;
          options.push_back(fmt::format("{}={}", parameter.name, text_of(parameter, loss)));
        });
      },
      any.loss);
  if (any.label_smoothing != 0) options.push_back(fmt::format("label_smoothing={}", any.label_smoothing));
  if (any.ignore_index != -100) options.push_back(fmt::format("ignore_index={}", any.ignore_index));
  return fmt::format("{}{}{}", info_of(any).name, options.empty() ? "" : ":", fmt::join(options, ","));
}

std::vector<std::string_view> loss_names() {
  std::vector<std::string_view> names;
  for_each_loss([&]<class Loss>(const Loss&) { names.push_back(Loss::info.name); });
  return names;
}

std::vector<std::string> describe_parameters(const AnyLoss& any) {
  if (std::holds_alternative<Quantiles>(any.loss)) return describe_parameters({.loss = Quantile{}});
  std::vector<std::string> lines;
  std::visit(
      [&]<class Loss>(const Loss&) {
        each_parameter<Loss>([&](const auto& parameter, const auto& usual) {
          lines.push_back(fmt::format("{}: {} (default {}, valid: {})", parameter.name, parameter.meaning,
                                      text_of(parameter, usual), valid_of(parameter)));
        });
      },
      any.loss);
  if (is_of_class_rows(info_of(any))) {
    if (takes_class_probabilities(info_of(any))) {
      lines.push_back(
          "label_smoothing: share of the target that is distributed evenly over the classes (default 0, valid: 0..1)");
    }
    lines.push_back("ignore_index: rows with this label are ignored (default -100, valid: any integer)");
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
  switch (info.unit) {
    case Unit::element:
      return fmt::format(
          "one loss per element, of the shape that the operands broadcast to; a mean divides by the number of losses{}",
          info.mean == Normalize::weight_sum ? ", or by the sum of the weights" : "");
    case Unit::row:
      return is_of_class_rows(info)
                 ? "one loss per row, of the shape of class indices; a mean divides by the sum of their weights"
                 : "one loss per row; a mean divides by the number of rows";
    case Unit::vector:
      return "one loss per row of vectors; a mean divides by the number of rows";
    case Unit::mask:
      return "one loss per mask, [N, C], [N], [C] or []; a mean divides by the number of masks";
    case Unit::sequence:
      return "one loss per sequence, [N] or []; a mean divides each loss by its target length and their sum by the "
             "number of sequences";
    case Unit::event:
      return "one loss per event and 0 for the other samples, [N]; a mean divides by the number of events";
    case Unit::group:
      return "one loss per group, [G]; a mean divides by the number of groups";
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
