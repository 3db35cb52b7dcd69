#include "cli/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/expr/expr.hpp"
#include "perdita/losses/loss_graph.hpp"

namespace perdita::cli {

namespace {

/// What the names in the formula stand for.
template <class Loss>
std::string legend_of() {
  const LossInfo& info = Loss::info;
  if (!info.variables.empty()) return std::string(info.variables);
  if (is_of_class_rows(info))
    return "summed over the classes; log_p: log-probability of the class, t: its target probability";
  if (is_of_several_operands(info)) return "y: input, t: target";
  if (!std::is_invocable_v<const Loss&, Expr, Expr>) return "y: predicted mean, t: target, v: predicted variance";
  return "y: input, t: target";
}

/// As many operands as the formula of a loss has at least.
template <class Loss>
constexpr int operand_count() {
  if (is_of_several_operands(Loss::info)) return static_cast<int>(Loss::info.operands.count_without_weights());
  if (std::is_invocable_v<const Loss&, Expr, Expr>) return 2;
  return std::is_invocable_v<const Loss&, Expr> ? 1 : 3;
}

/// loss(y, t, v, v, ...) of as many operands as it has.
template <class Loss, class V, std::size_t... more>
auto call(const Loss& loss, const Dual<V>& y, const V& t, const V& v, std::index_sequence<more...>) {
  if constexpr (operand_count<Loss>() == 1)
    return loss(y);
  else
    return loss(y, t, (static_cast<void>(more), v)...);
}

/// Whether a loss has a chart: by its input, for a fixed target.
template <class Loss>
constexpr bool has_curve() {
  const Operands& operands = Loss::info.operands;
  if (!is_of_several_operands(Loss::info)) return detail::has_formula<Loss>;
  return operands.begin()->name == "input" && (operands.begin() + 1)->name == "target";
}

template <class Loss>
void add_formula(Explanation& explanation, const Loss& loss, Notation notation) {
  const auto text_of = [&](const Expr& e) { return notation == Notation::latex ? to_latex(e) : to_text(e); };
  const auto add_slope = [&](const Expr& slope) {
    if (const std::string text = readable_slope(slope, notation); !text.empty())
      explanation.sections.push_back({"Derivative", {text}, true});
  };
  if constexpr (detail::is_written<Loss>) {
    explanation.sections.push_back({"Formula", {text_of(loss.value())}, true});
    add_slope(loss.slope());
  } else if constexpr (detail::is_of_sums<Loss>) {
    const LossGraph graph = loss_graph({.loss = loss}, 3, FormulaFor::readers);
    explanation.sections.push_back(
        {"Formula", {text_of(graph.value), fmt::format("({})", Loss::info.variables)}, true});
  } else if constexpr (!detail::has_formula<Loss>) {
    explanation.sections.push_back({"Variables", {std::string(Loss::info.variables)}});
  } else {
    const LossGraph graph = loss_graph({.loss = loss}, operand_count<Loss>(), FormulaFor::readers);
    explanation.sections.push_back({"Formula", {text_of(graph.value), fmt::format("({})", legend_of<Loss>())}, true});
    add_slope(graph.derivatives[0]);
  }
}

/// A loss of several quantiles is explained as that of one quantile.
void add_formula(Explanation& explanation, const Quantiles&, Notation notation) {
  add_formula(explanation, Quantile{}, notation);
}

std::string traits_of(Trait traits) {
  constexpr std::pair<Trait, std::string_view> names[] = {
      {Trait::convex, "convex"},
      {Trait::lipschitz, "Lipschitz (bounded derivative)"},
      {Trait::smooth, "smooth (continuous derivative)"},
      {Trait::symmetric, "symmetric (depends on |input - target|)"},
      {Trait::never_negative, "never negative"},
      {Trait::proper, "proper (minimal at the true probability or mean)"}};
  std::string text;
  for (const auto& [trait, name] : names) {
    if (has(traits, trait)) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  }
  return text;
}

template <class Loss>
std::optional<Curve> curve_of_formula(const Loss& loss) {
  if constexpr (!has_curve<Loss>()) {
    return std::nullopt;
  } else {
    const LossInfo& info = Loss::info;
    const bool of_classes = is_of_class_rows(info);
    // Probabilities from 0.05: closer to 0 the pole of the derivative would flatten the rest of the plot.
    const bool of_probability = of_classes || info.input.high == 1;
    const double low = of_probability ? 0.05 : std::max(info.input.low, -3.0);
    const double high = of_probability ? 1.0 : std::min(info.input.high, 3.0);
    const bool is_one = info.target.high <= 1 || info.target.ends_only || !info.target.contains(0);
    const double target = of_classes || is_one ? 1.0 : 0.0;
    constexpr auto others = std::make_index_sequence<std::max(operand_count<Loss>() - 2, 0)>();
    Curve curve{.x_label = of_classes               ? "probability of the true class"
                           : info.variables.empty() ? "input"
                                                    : "y",
                .target = of_classes ? "" : fmt::format("{}", target)};
    constexpr int points = 241;
    for (int i = 0; i < points; ++i) {
      const double x = low + (high - low) * i / (points - 1);
      using P = Pack<double, 1>;
      const Dual<P> y{P(of_classes ? std::log(x) : x), P(of_classes ? 1 / x : 1.0)};
      const auto result = call(loss, y, P(target), P(1.0), others);
      curve.x.push_back(x);
      curve.value.push_back(result.v.raw[0]);
      curve.slope.push_back(result.d.raw[0]);
    }
    return curve;
  }
}

std::optional<Curve> curve_of_formula(const Quantiles&) { return curve_of_formula(Quantile{}); }

}  // namespace

std::string readable_slope(const Expr& slope, Notation notation) {
  constexpr std::size_t readable = 300;
  try {
    const std::string text = notation == Notation::latex ? to_latex(slope) : to_text(slope);
    return text.size() <= readable ? text : "";
  } catch (const ValueError&) {
    return "";  // too long to print
  }
}

Explanation explain_loss(const AnyLoss& any, Notation notation) {
  const LossInfo& info = info_of(any);
  Explanation explanation{to_string(any), std::string(name_of(info.family)), std::string(info.summary), {}};
  const auto add = [&](std::string_view title, std::string_view text) {
    if (!text.empty()) explanation.sections.push_back({std::string(title), {std::string(text)}});
  };
  std::visit([&](const auto& loss) { add_formula(explanation, loss, notation); }, any.loss);
  if (const auto lines = describe_parameters(any); !lines.empty()) explanation.sections.push_back({"Options", lines});
  explanation.sections.push_back({"Operands", describe_operands(info)});
  add("Losses", describe_losses(info));
  add("Properties", traits_of(info.traits));
  add("Use it when", info.use_when);
  add("Avoid it when", info.avoid_when);
  if (!info.torch_name.empty()) {
    add("In PyTorch", fmt::format("torch.nn.functional.{}{}", info.torch_name,
                                  info.differences.empty() ? "; same values, same gradients" : ""));
  }
  add(info.torch_name.empty() ? "Relatives" : "Differences from PyTorch", info.differences);
  add("Source", info.source);
  return explanation;
}

Explanation explain_sum(const LossSum& sum, Notation notation) {
  Explanation explanation{
      to_string(sum), "sum", "The sum of its parts, which read the same prediction and target.", {}};
  for (const LossPart& part : sum.parts()) {
    const Explanation own = explain_loss(part.loss, notation);
    explanation.sections.push_back(
        {fmt::format("{}{}", to_string(part.weight), own.name), {fmt::format("{} ({})", own.summary, own.family)}});
    for (const Section& section : own.sections) {
      if (section.is_formula) explanation.sections.push_back({section.title, section.lines, true});
    }
  }
  explanation.sections.push_back({"Operands", describe_operands(info_of(sum.leading()))});
  explanation.sections.push_back({"Losses",
                                  {"each part is reduced with its own denominator, as if it stood alone; 'perdita "
                                   "explain NAME' describes a part"}});
  std::vector<std::string> lines;
  for (const LossPart& part : sum.parts()) {
    if (part.weight.schedule)
      lines.push_back(
          fmt::format("{}: the weight changes over the first {} epochs", part.name, part.weight.schedule->epochs));
    if (part.weight.is_learned)
      lines.push_back(
          fmt::format("{}: the weight has a factor exp(-s), and the sum a term s / 2, with a trained s", part.name));
  }
  if (!lines.empty()) explanation.sections.push_back({"Weights", lines});
  return explanation;
}

std::optional<Curve> curve_of(const AnyLoss& any) {
  return std::visit([](const auto& loss) { return curve_of_formula(loss); }, any.loss);
}

}  // namespace perdita::cli
