// perdita check FORMULA
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/explanation.hpp"
#include "cli/formula_errors.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "cli/text_chart.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/expr/formula_functions.hpp"
#include "perdita/losses/inspection.hpp"
#include "perdita/losses/stable_formula.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string formula, targets = "0,1", range, svg;
  bool json = false;
};

/// The notation of formulas, and what is printed after the options.
std::string grammar() {
  return R"(A formula for regression or binary classification uses y (the input) and t (the target). A formula for multi-class
classification uses log_p (the log-probability of a class) or p (its probability), and t (its target probability), and
is summed over the classes.

  + - * / ^        arithmetic; ^ or ** is the power
  < <= > >= == !=  comparisons, with the result 1 or 0;  & | ! combine them
  select(c, a, b)  a if c is true, else b
)" + wrapped(formula_function_names(" "), 2) +
         R"(  pi e inf         constants
  ... where a = 0.25; b = softplus(y) - t * y     named subexpressions, in any order

Examples:
  perdita check 'abs(y - t)^1.5'
  perdita check 'alpha*(1-exp(-b))^gamma*b where b = softplus(y) - t*y; alpha = 0.25; gamma = 2' --svg focal.svg
  perdita check '-t * (1 - p)^2 * log_p'
  perdita train --data synthetic:moons --loss 'formula: softplus(y) - t * y'

Exit status: 0 the formula was checked, with or without findings; 1 failure; 2 invalid formula or incorrect usage.)";
}

double number_of(std::string_view text, std::string_view option) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    throw UsageError(fmt::format("{}: '{}' is not a number", option, text));
  }
  return value;
}

std::vector<double> targets_of(std::string_view text) {
  std::vector<double> targets;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    targets.push_back(number_of(word, "--targets"));
  }
  return targets;
}

InspectionOptions options_of(const Arguments& a) {
  InspectionOptions options{.targets = targets_of(a.targets)};
  if (a.range.empty()) return options;
  const std::size_t dots = a.range.find("..");
  if (dots == a.range.npos)
    throw UsageError(fmt::format("--range: got '{}' (valid: LOW..HIGH, for example -3..3)", a.range));
  options.low = number_of(std::string_view(a.range).substr(0, dots), "--range");
  options.high = number_of(std::string_view(a.range).substr(dots + 2), "--range");
  if (!(options.low < options.high))
    throw UsageError(fmt::format("--range: got '{}' (valid: LOW below HIGH)", a.range));
  return options;
}

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Checks a formula as a loss: derivative, kinks, convexity, inputs for which it is not finite.",
               "perdita check");
  app.footer(grammar());
  app.get_formatter()->column_width(32);
  app.add_option("formula", a.formula, "formula of the loss")->type_name("FORMULA");
  app.add_option("--targets", a.targets, "targets to evaluate (default: 0,1)")->type_name("T,...");
  app.add_option("--range", a.range, "range of inputs to evaluate (default: -5..5)")->type_name("LOW..HIGH");
  app.add_option("--svg", a.svg, "write a plot of the loss and its derivative")->type_name("FILE");
  app.add_flag("--json", a.json, "print JSON");
  if (!parse(app, with_signs(words))) return false;
  if (a.formula.empty()) throw UsageError("the formula is missing (example: perdita check 'abs(y - t)^1.5')");
  return true;
}

std::string picture_of(const detail::WrittenLoss& loss, const Inspection& inspection, std::string_view input) {
  report::LineChart chart{.title = loss.text(),
                          .description = "The loss and its derivative.",
                          .x_label = std::string(input),
                          .y_label = "loss, derivative",
                          .series = {}};
  for (const InspectedCurve& curve : inspection.curves) {
    chart.series.push_back({fmt::format("loss, t = {:g}", curve.target), curve.input, curve.value, false});
    chart.series.push_back({fmt::format("derivative, t = {:g}", curve.target), curve.input, curve.slope, false});
  }
  return report::line_chart(chart, report::Placement::file);
}

void print_findings(const Inspection& inspection, Finding::Kind kind, std::string_view otherwise) {
  std::string title(name_of(kind));
  bool any = false;
  for (const Finding& finding : inspection.findings) {
    if (finding.kind != kind) continue;
    say("{:<17}{}\n", std::exchange(title, ""), finding.text);
    any = true;
  }
  if (!any && !otherwise.empty()) say("{}\n", otherwise);
}

bool has(const Inspection& inspection, Finding::Kind kind) {
  return std::ranges::find(inspection.findings, kind, &Finding::kind) != inspection.findings.end();
}

void print_stable_form(const FormulaText& text) {
  try {
    const Stabilized found = stabilize_loss(text);
    const std::string domain = rewriting::to_text(found.domain);
    say("\nrounding errors for {}:\n\n", domain.empty() ? "all numbers" : domain);
    print_errors(found);
    if (!found.is_changed) return;
    say("\nstable form      {}\n", text_of(found));
    say("to train with it --loss 'formula: {}{}; stabilize=yes'\n", text.formula,
        text.domain.empty() ? "" : fmt::format(" [{}]", text.domain));
  } catch (const ValueError& error) {
    say("\nrounding errors  not measured: {}\n", error.what());
  }
}

void print(const detail::WrittenLoss& loss, const Inspection& inspection, const FormulaText& text,
           std::string_view input) {
  using Kind = Finding::Kind;
  const std::string derivative = readable_slope(loss.slope(), Notation::text);
  say("loss             {}\nderivative       {}\n\n", to_text(loss.value()),
      derivative.empty() ? "(too long to print)" : derivative);
  if (input == "z") say("for two classes, where z is the logit of the true class minus that of the other class:\n");
  for (const InspectedCurve& curve : inspection.curves) {
    const bool at_end = curve.least_at == curve.input.front() || curve.least_at == curve.input.back();
    say("minimum          {:.4g} at {} = {:.4g}{}, t = {:g}\n", curve.least, input, curve.least_at,
        at_end ? " (the end of the range)" : "", curve.target);
  }
  print_findings(
      inspection, Kind::wrong_slope,
      fmt::format("verified         the derivative matches {} finite differences to a relative error of {:.1g}",
                  inspection.compared, inspection.worst_difference));
  print_findings(inspection, Kind::jump, "");
  print_findings(inspection, Kind::kink, has(inspection, Kind::jump) ? "" : "smooth           no kinks and no jumps");
  print_findings(inspection, Kind::not_finite,
                 fmt::format("finite           up to |{}| = {:g}, also in float32", input, inspection.finite_to));
  print_findings(inspection, Kind::flat, "steep            the derivative does not vanish where the loss is large");
  print_findings(inspection, Kind::not_convex, "convex           no negative curvature");
  print_findings(inspection, Kind::unbounded_below, "bounded below");
  for (const InspectedCurve& curve : inspection.curves) {
    say("\n{}", text_chart({.title = fmt::format("t = {:g}:  * loss   . derivative", curve.target),
                            .x_label = std::string(input),
                            .x = curve.input,
                            .lines = {{'.', curve.slope}, {'*', curve.value}}}));
  }
  print_stable_form(text);
}

nlohmann::ordered_json json_of_stable_form(const FormulaText& text) {
  try {
    const Stabilized found = stabilize_loss(text);
    return {{"domain", rewriting::to_text(found.domain)},
            {"stable_form", text_of(found)},
            {"is_changed", found.is_changed},
            {"errors", json_of_errors(found)}};
  } catch (const ValueError& error) {
    return {{"not_measured", error.what()}};
  }
}

std::string json_of(const detail::WrittenLoss& loss, const Inspection& inspection, const FormulaText& text) {
  nlohmann::ordered_json findings = nlohmann::json::array();
  for (const Finding& f : inspection.findings)
    findings.push_back({{"kind", name_of(f.kind)}, {"text", f.text}, {"input", f.input}, {"target", f.target}});
  nlohmann::ordered_json json{{"formula", loss.text()},
                              {"loss", to_text(loss.value())},
                              {"derivative", readable_slope(loss.slope(), Notation::text)},
                              {"differences_compared", inspection.compared},
                              {"worst_difference", inspection.worst_difference},
                              {"findings", findings},
                              {"rounding", json_of_stable_form(text)}};
  return json.dump(2);
}

/// `inspected` is `loss`, or its form for two classes.
int check(const Arguments& a, const detail::WrittenLoss& loss, const Formula& inspected,
          const InspectionOptions& options, const FormulaText& text, std::string_view input) {
  const Inspection inspection = inspect(inspected, options);
  if (a.json)
    say("{}\n", json_of(loss, inspection, text));
  else
    print(loss, inspection, text, input);
  if (!a.svg.empty()) write_file_atomically(a.svg, picture_of(loss, inspection, input));
  return 0;
}

}  // namespace

int check(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  std::string_view formula = a.formula;
  constexpr std::string_view prefix = "formula:";
  if (formula.starts_with(prefix)) formula.remove_prefix(prefix.size());
  try {
    InspectionOptions options = options_of(a);
    const FormulaText text = separate_formula(formula);
    if (!is_class_formula(text.formula)) {
      const Formula loss = Formula::parse(text.formula);
      return check(a, loss, loss, options, text, "y");
    }
    const ClassFormula loss = ClassFormula::parse(text.formula);
    options.targets = {1};
    return check(a, loss, loss.of_two_classes(), options, text, "z");
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace perdita::cli
