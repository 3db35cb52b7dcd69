// perdita stabilize FORMULA
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/formula_errors.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/losses/stable_formula.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string formula;
  StabilizeOptions options;
  bool json = false;
  std::string to;
};

std::string footer() {
  return R"(The formula is written as for 'perdita check'; its domain may follow in brackets:

  perdita stabilize '-t*log(p) - (1-t)*log(1-p) where p = 1/(1+exp(-y)) [t in 0..1]'
  perdita stabilize 'log(1+exp(-t*y)) [t = -1, 1]'
  perdita stabilize '(log(y)-log(t))^2 [y, t > 0]'
  perdita stabilize 'log(1+exp(y)) - t*y [t = 0, 1]' --to cpp

Conditions: x in 0..1, x < 1, x >= 0, x = 0, 1, and x = 0, 1, 2, ... for whole numbers.

The errors are bits: log2(1 + d), where d is the number of floating-point numbers between the result and the exact one.

Exit status: 0 with or without a better form; 1 failure; 2 invalid formula or incorrect usage.)";
}

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Rewrites a formula such that its value and derivative are exact: no overflow, no cancellation.",
               "perdita stabilize");
  app.footer(footer());
  app.get_formatter()->column_width(32);
  app.add_option("formula", a.formula, "formula of the loss, with its domain")->type_name("FORMULA");
  app.add_option("--seconds", a.options.seconds,
                 "processor time after which no further forms are looked for (default: 2)")
      ->type_name("S")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""));
  app.add_option("--seed", a.options.seed, "of the points where forms are measured (default: 1)")->type_name("N");
  app.add_option("--to", a.to,
                 "print the stable form only: a lambda of C++ (cpp), LaTeX (latex), or a formula (formula)")
      ->type_name("NOTATION")
      ->check(CLI::IsMember({"cpp", "latex", "formula"}).description(""));
  app.add_flag("--json", a.json, "print JSON");
  if (!parse(app, with_signs(words))) return false;
  if (a.formula.empty()) throw UsageError("the formula is missing (example: perdita stabilize 'log(1+exp(y))-t*y')");
  return true;
}

void print(const Stabilized& found) {
  say("formula        {}\n", to_text(found.original));
  const std::string domain = rewriting::to_text(found.domain);
  say("domain         {}\n", domain.empty() ? "all numbers" : domain);
  say("stable form    {}\n\n", found.is_changed ? text_of(found) : "no better form was found");
  print_errors(found);
  if (!found.is_changed) return;
  say("time           {:.2f} ns per element before, {:.2f} after (value and derivative, float32, one thread)\n",
      found.nanoseconds_before, found.nanoseconds_after);
  const auto& [compared, only_original, only_form, differs] = found.comparison;
  if (found.drawn == 0) return;
  say("compared       equal in 200 bits at {} of {} points; only the original is defined and known at {}, only the "
      "form at {}\n",
      compared, found.drawn, only_original, only_form);
}

std::string json_of(const Stabilized& found) {
  const nlohmann::ordered_json json{{"formula", to_text(found.original)},
                                    {"domain", rewriting::to_text(found.domain)},
                                    {"stable_form", to_text(found.formula)},
                                    {"cpp", cpp_of(found)},
                                    {"compute_in_float64", found.compute_in_float64},
                                    {"is_changed", found.is_changed},
                                    {"errors", json_of_errors(found)},
                                    {"nanoseconds_before", found.nanoseconds_before},
                                    {"nanoseconds_after", found.nanoseconds_after},
                                    {"points_compared", found.comparison.compared},
                                    {"points_of_original_only", found.comparison.only_first},
                                    {"points_of_form_only", found.comparison.only_second},
                                    {"points_drawn", found.drawn}};
  return json.dump(2);
}

}  // namespace

int stabilize(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  std::string_view text = a.formula;
  constexpr std::string_view prefix = "formula:";
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  try {
    const Stabilized found = stabilize_loss(separate_formula(text), a.options);
    if (a.json)
      say("{}\n", json_of(found));
    else if (a.to.empty())
      print(found);
    else
      say("{}\n", a.to == "cpp" ? cpp_of(found) : a.to == "latex" ? to_latex(found.formula) : text_of(found));
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
  return 0;
}

}  // namespace perdita::cli
