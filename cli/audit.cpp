// perdita audit
#include <fmt/format.h>

#include "cli/class_names.hpp"
#include "cli/commands.hpp"
#include "cli/csv_options.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/label_audit_output.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string predictions, targets, from = "probabilities", score = "self_confidence", filter = "prune_by_noise_rate",
                                    class_names, header = "detect", separator = "detect", out;
  std::int64_t top = -1;
  int threads = 0;
  bool json = false;
};

constexpr const char* footer = R"(Examples:
  perdita audit --predictions p.npy --targets y.npy --out suspects.csv
  perdita audit --predictions run.npz:logits --targets run.npz:labels --from logits --class-names cat,dog,owl
  perdita audit --predictions p.npy --targets y.npy --filter confident_learning --score normalized_margin --json
  perdita audit --predictions p.csv --targets labels.csv:label --top 500 --out suspects.csv

The predictions must be out-of-sample: of a model that was not trained on the same rows, as in cross-validation. Files
are those of 'perdita evaluate', and are read into memory.

Filters: prune_by_noise_rate, prune_by_class, both, confident_learning, low_self_confidence, low_normalized_margin
Scores:  self_confidence, normalized_margin, confidence_weighted_entropy

--out FILE.csv writes the rows to check: row, given, suggested, given_probability, suggested_probability, score, issue.

Exit status: 0 success, 1 failure, 2 incorrect usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Finds labels that are probably wrong, by out-of-sample predictions (confident learning).",
               "perdita audit");
  app.footer(footer);
  app.get_formatter()->column_width(32);
  const auto option = [&](const char* name, auto& to, const char* value, const char* help) {
    return app.add_option(name, to, help)->type_name(value);
  };
  option("--predictions", a.predictions, "FILE", "predictions, one row per sample, one number per class");
  option("--targets", a.targets, "FILE", "labels: class indices, one per row");
  option("--from", a.from, "SCALE",
         "scale of the predictions: probabilities, logits or log-probabilities (default: probabilities)");
  option("--filter", a.filter, "NAME", "rule that selects wrong labels (default: prune_by_noise_rate)");
  option("--score", a.score, "NAME", "score that ranks the rows (default: self_confidence)");
  option("--top", a.top, "N", "number of rows to list (default: those that the filter selects)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  option("--class-names", a.class_names, "A,B,...|FILE", "class names, or a file with one name per line");
  add_csv_options(app, a.header, a.separator);
  option("--threads", a.threads, "N", "number of threads (default: all processors)")->check(CLI::Range(1, 1024));
  option("--out", a.out, "FILE", "write the listed rows to this CSV file");
  app.add_flag("--json", a.json, "print the result as JSON");
  if (!parse(app, words)) return false;
  if (a.predictions.empty()) throw UsageError("--predictions is missing");
  if (a.targets.empty()) throw UsageError("--targets is missing");
  return true;
}

evaluate::AuditOptions options_of(const Arguments& a) {
  evaluate::AuditOptions options{.class_names = class_names_of(a.class_names)};
  if (a.top >= 0) options.top = a.top;
  const char* option = "--from";
  try {
    options.scale = evaluate::parse_scale(a.from);
    option = "--filter";
    options.filter = evaluate::parse_issue_filter(a.filter);
    option = "--score";
    options.score = evaluate::parse_quality_score(a.score);
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("{}: {}", option, error.what()));
  }
  return options;
}

}  // namespace

int audit(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  if (a.threads > 0) set_num_threads(a.threads);
  const evaluate::AuditOptions options = options_of(a);
  const data::CsvFormat format = csv_format(a.header, a.separator);
  const auto predictions = data::open_rows(a.predictions, format), targets = data::open_rows(a.targets, format);
  const evaluate::LabelAudit audit =
      evaluate::audit_labels(evaluate::read_all(*predictions), evaluate::read_all(*targets), options);
  for (const std::string& warning : audit.warnings)
    say_to(stderr, "perdita audit: warning: {}\n", evaluate::printable(warning));
  if (!a.out.empty()) write_file_atomically(a.out, evaluate::to_csv(audit));
  say("{}{}", a.json ? evaluate::to_json(audit) : evaluate::to_text(audit), a.json ? "\n" : "");
  if (!a.out.empty() && !a.json)
    say("\nrows       {} in {}\n", evaluate::format_count(std::ssize(audit.ranking)), evaluate::printable(a.out));
  return 0;
}

}  // namespace perdita::cli
