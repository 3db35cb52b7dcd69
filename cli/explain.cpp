// perdita explain NAME
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/explanation.hpp"
#include "cli/parser.hpp"
#include "cli/reference.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"

namespace perdita::cli {

namespace {

void print(const Explanation& explanation) {
  say("{} ({})\n{}", explanation.name, explanation.family, wrapped(explanation.summary, 2));
  for (const Section& section : explanation.sections) {
    say("\n{}\n", section.title);
    for (const std::string& line : section.lines)
      say("{}", section.is_formula ? fmt::format("  {}\n", line) : wrapped(line, 2));
  }
}

LossSum parsed(const std::string& name) {
  try {
    return parse_loss_sum(name);
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

int explain(const std::vector<std::string>& arguments) {
  CLI::App app("Describes a loss: formula, options, when to use it, source.", "perdita explain");
  app.footer(
      "Options of the loss may be given as in training: perdita explain huber:delta=2\n"
      "So may sums: perdita explain '0.7*cross_entropy + 0.3*focal'");
  std::string name, folder;
  bool latex = false;
  CLI::Option* const given_name = app.add_option("NAME", name, "name of the loss; 'perdita losses' lists all losses");
  app.add_flag("--latex", latex, "print formulas as LaTeX");
  CLI::Option* const pages =
      app.add_option("--pages", folder, "write a Markdown page and a picture of every loss to this folder");
  pages->excludes(given_name);
  if (!parse(app, arguments)) return 0;
  if (!folder.empty()) {
    write_reference(folder);
  } else if (name.empty()) {
    throw UsageError("NAME is missing ('perdita losses' lists all losses)");
  } else {
    const LossSum loss = parsed(name);
    const Notation notation = latex ? Notation::latex : Notation::text;
    print(loss.single() ? explain_loss(*loss.single(), notation) : explain_sum(loss, notation));
  }
  return 0;
}

}  // namespace perdita::cli
