// perdita evaluate
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "cli/class_names.hpp"
#include "cli/commands.hpp"
#include "cli/csv_options.hpp"
#include "cli/parser.hpp"
#include "cli/progress.hpp"
#include "cli/report_line.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/evaluation_text.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/evaluation_page.hpp"
#include "perdita/report/folder.hpp"
#include "perdita/train/config.hpp"

namespace perdita::cli {

namespace {

namespace fs = std::filesystem;
using evaluate::Evaluation;

struct Arguments {
  std::string predictions, targets, weights, loss = "cross_entropy", from, class_names, header = "detect",
                                             separator = "detect", out;
  int bins = 15, threads = 0;
  std::int64_t hardest = 20;
  bool json = false, quiet = false;
};

constexpr const char* examples = R"(Examples:
  perdita evaluate --predictions p.npy --targets y.npy --loss cross_entropy
  perdita evaluate --predictions run.npz:logits --targets run.npz:labels --class-names cat,dog,owl --out evaluation
  perdita evaluate --predictions probs.csv --targets labels.csv:label --from probabilities --hardest 100
  perdita evaluate --predictions p.npy --targets y.npy --loss binary_cross_entropy_with_logits --json
  perdita evaluate --predictions yhat.npy --targets y.npy --loss huber:delta=2

Files are NPY, NPZ (FILE.npz:ARRAY selects one of several arrays) or CSV (FILE.csv:COLUMN selects one column by name or
by index, starting at 0). They are read once, in chunks, and may be larger than memory. For classification losses, a row
of predictions contains one score per class; for other losses, it contains as many numbers as a row of targets.

--out DIR writes evaluation.json, report.html and its charts as SVG and, if librsvg is installed, PNG.

Exit status: 0 success, 1 failure, 2 incorrect usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Evaluates predictions stored in files: loss, accuracy, calibration, hardest samples.",
               "perdita evaluate");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  const auto option = [&](const char* name, auto& to, const char* value, const char* help) {
    return app.add_option(name, to, help)->type_name(value);
  };
  option("--predictions", a.predictions, "FILE", "predictions of the model, one row per sample");
  option("--targets", a.targets, "FILE", "targets: class indices, labels 0 and 1, or numbers");
  option("--loss", a.loss, "NAME[:OPTIONS]", "loss (default: cross_entropy); 'perdita losses' lists all losses");
  option("--from", a.from, "SCALE",
         "scale of the predictions: logits, probabilities or log-probabilities (default: the input of the loss)");
  option("--weights", a.weights, "FILE", "one weight per row, used in the mean loss and its confidence interval");
  option("--class-names", a.class_names, "A,B,...|FILE", "class names, or a file with one name per line");
  add_csv_options(app, a.header, a.separator);
  option("--hardest", a.hardest, "N", "number of hardest samples to report (default: 20)")
      ->check(CLI::Range(0, 100000));
  option("--bins", a.bins, "N", "bins of the reliability diagram (default: 15)")->check(CLI::Range(1, 1000));
  option("--threads", a.threads, "N", "number of threads (default: all processors)")->check(CLI::Range(1, 1024));
  option("--out", a.out, "DIR", "write evaluation.json, report.html and its charts to this folder");
  app.add_flag("--json", a.json, "print the result as JSON, and the progress to standard error");
  app.add_flag("--quiet", a.quiet, "print only the result");
  if (!parse(app, words)) return false;
  if (a.predictions.empty()) throw UsageError("--predictions is missing");
  if (a.targets.empty()) throw UsageError("--targets is missing");
  return true;
}

/// An earlier evaluation is replaced; files of other commands are not.
void check_out(const std::string& out) {
  const auto occupant = report::occupant_of(out);
  const bool is_evaluation = fs::exists(fs::path(out) / "evaluation.json");
  if (occupant == report::Occupant::run || occupant == report::Occupant::comparison ||
      (occupant == report::Occupant::conflict && !is_evaluation)) {
    throw UsageError(
        fmt::format("--out: {} contains files of other commands, which an evaluation would replace (valid: another "
                    "folder)",
                    out));
  }
}

evaluate::EvaluationOptions options_of(const Arguments& a) {
  evaluate::EvaluationOptions options{.bins = a.bins,
                                      .hardest = a.hardest,
                                      .class_names = class_names_of(a.class_names),
                                      .probabilities_option = "--from probabilities"};
  const char* option = "--loss";
  try {
    options.loss = parse_loss_sum(a.loss);
    evaluate::kind_of(options.loss);
    option = "--from";
    if (!a.from.empty()) options.scale = evaluate::parse_scale(a.from);
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("{}: {}", option, error.what()));
  }
  return options;
}

Evaluation run(const Arguments& a, const evaluate::EvaluationOptions& options) {
  const data::CsvFormat rows = csv_format(a.header, a.separator);
  const auto predictions = data::open_rows(a.predictions, rows), targets = data::open_rows(a.targets, rows);
  const auto weights = a.weights.empty() ? nullptr : data::open_rows(a.weights, rows);
  std::optional<Progress> progress;
  if (!a.quiet) progress.emplace(stderr, "evaluating", predictions->rows.value_or(0));
  return evaluate::evaluate(*predictions, *targets, weights.get(), options, [&](std::int64_t done) {
    if (progress && predictions->rows) progress->update(done);
  });
}

std::string command_of(const std::vector<std::string>& words) {
  std::string command = "perdita evaluate";
  for (const std::string& word : words) command += " " + train::quote_for_shell(word);
  return command;
}

}  // namespace

int evaluate(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  if (a.threads > 0) set_num_threads(a.threads);
  if (!a.out.empty()) check_out(a.out);
  const Evaluation evaluation = run(a, options_of(a));
  for (const std::string& warning : evaluation.warnings)
    say_to(stderr, "perdita evaluate: warning: {}\n", evaluate::printable(warning));
  say("{}{}", a.json ? evaluate::to_json(evaluation) : evaluate::to_text(evaluation), a.json ? "\n" : "");
  if (a.out.empty()) return 0;
  report::write_evaluation({evaluation, a.predictions, a.targets, command_of(words)}, a.out);
  if (!a.json) {
    say("\n");
    print_report(a.out, true);
  }
  return 0;
}

}  // namespace perdita::cli
