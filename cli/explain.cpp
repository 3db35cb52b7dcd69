// perdita explain NAME
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "perdita/core/error.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/expr.hpp"

namespace perdita::cli {

namespace {

/// Lines of at most `width` columns.
std::string wrapped(std::string_view text, std::size_t indent) {
  constexpr std::size_t width = 100;
  std::string result, line(indent, ' ');
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() + word.size() + 1 > width && line.size() > indent) {
      result += line + '\n';
      line.assign(indent, ' ');
    }
    if (line.size() > indent) line += ' ';
    line += word;
  }
  return result + line + '\n';
}

void print_section(std::string_view title, std::string_view text) {
  if (!text.empty()) fmt::print("\n{}\n{}", title, wrapped(text, 2));
}

struct Formula {
  Expr value, slope;
  std::string legend;
};

/// The formula and its derivative as graphs, by calling it with symbols; a loss of sequences has none.
template <class Loss>
std::optional<Formula> formula_of(const Loss& loss) {
  const bool of_classes = Loss::info.family == Family::softmax;
  const Dual<Expr> y{Expr::input(0, of_classes ? "log_p" : "y"), Expr(1.0)};
  const Expr t = Expr::input(1, "t"), v = Expr::input(2, "v");
  if constexpr (requires { loss(y, t); }) {
    const Dual<Expr> result = loss(y, t);
    if (!Loss::info.operands.empty()) return Formula{result.v, result.d, std::string(Loss::info.operands)};
    return Formula{result.v, result.d,
                   of_classes
                       ? "summed over the classes; log_p: log-probability of the class, t: its target probability"
                       : "y: input, t: target"};
  } else if constexpr (requires { loss(y); }) {
    const Dual<Expr> result = loss(y);
    return Formula{result.v, result.d, std::string(Loss::info.operands)};
  } else if constexpr (Loss::info.family == Family::sequence) {
    return {};
  } else {
    const Dual<Expr> result = loss(y, t, v);
    return Formula{result.v, result.d, "y: predicted mean, t: target, v: predicted variance"};
  }
}

std::string traits_of(Trait traits) {
  constexpr std::pair<Trait, std::string_view> names[] = {{Trait::convex, "convex"},
                                                          {Trait::lipschitz, "Lipschitz (its slope is bounded)"},
                                                          {Trait::smooth, "smooth (its gradient is continuous)"},
                                                          {Trait::symmetric, "symmetric (depends on |input - target|)"},
                                                          {Trait::never_negative, "never negative"},
                                                          {Trait::proper,
                                                           "proper (least at the true probability or "
                                                           "mean)"}};
  std::string text;
  for (const auto& [trait, name] : names) {
    if (has(traits, trait)) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  }
  return text;
}

void print_domains(const LossInfo& info) {
  if (!info.operands.empty()) return;  // of the formula's operands: their line says enough
  if (info.family != Family::softmax) {
    print_section("Domain", fmt::format("input: {}; target: {}", to_string(info.input), to_string(info.target)));
  } else {
    print_section("Domain", "input [N, C] or [N, C, d1, ...]; target: class indices [N] or [N, d1, ...]");
  }
}

void print_formula(const AnyLoss& any, bool latex) {
  const std::optional<Formula> formula = std::visit([](const auto& loss) { return formula_of(loss); }, any.loss);
  if (!formula) return print_section("Operands", info_of(any).operands);
  const auto text_of = [latex](const Expr& e) { return latex ? to_latex(e) : to_text(e); };
  fmt::print("\nFormula\n  {}\n  ({})\n", text_of(formula->value), formula->legend);
  // Where it has kinks the slope is a tangle of cases, which explains nothing.
  constexpr std::size_t readable = 300;
  if (const std::string slope = text_of(formula->slope); slope.size() <= readable) fmt::print("\nSlope\n  {}\n", slope);
}

void print_all(const AnyLoss& any, bool latex) {
  const LossInfo& info = info_of(any);
  fmt::print("{} ({})\n", to_string(any), name_of(info.family));
  fmt::print("{}", wrapped(info.summary, 2));
  print_formula(any, latex);
  if (const auto lines = describe_parameters(any); !lines.empty()) {
    fmt::print("\nOptions\n");
    for (const std::string& line : lines) fmt::print("{}", wrapped(line, 2));
  }
  print_domains(info);
  print_section("Properties", traits_of(info.traits));
  print_section("Use it when", info.use_when);
  print_section("Avoid it when", info.avoid_when);
  if (!info.torch_name.empty()) {
    print_section("In PyTorch", fmt::format("torch.nn.functional.{}{}", info.torch_name,
                                            info.differences.empty() ? "; same values, same gradients" : ""));
  }
  print_section(info.torch_name.empty() ? "Relatives" : "Differences from PyTorch", info.differences);
  print_section("Source", info.source);
}

}  // namespace

int explain(const std::vector<std::string>& arguments) {
  CLI::App app("Tells what a loss is: formula, options, when to use it, where it comes from.", "perdita explain");
  app.footer("Options are set as in training: perdita explain huber:delta=2");
  std::string name;
  bool latex = false;
  app.add_option("NAME", name, "the loss; perdita losses lists them")->required();
  app.add_flag("--latex", latex, "formulas as LaTeX");
  if (!parse(app, arguments)) return 0;
  AnyLoss any;
  try {
    any = parse_loss(name);
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
  print_all(any, latex);
  return 0;
}

}  // namespace perdita::cli
