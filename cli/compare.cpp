// perdita compare
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/report_line.hpp"
#include "cli/run_options.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/train/comparison.hpp"
#include "perdita/train/run_report.hpp"

namespace perdita::cli {

namespace {

using evaluate::format_duration;
using evaluate::printable;

struct Arguments {
  Given given;
  std::string losses, out, resume;
  std::int64_t seeds = 3;
  bool overwrite = false, quiet = false, json = false;
};

constexpr const char* examples =
    R"(LIST contains losses from 'perdita losses', separated by semicolons. Training options may follow the colon as well
(with _ in place of -; weights is short for class_weights), to compare a loss together with its usual settings. The
first loss is the baseline of the comparison.

Examples:
  perdita compare --data synthetic:imbalanced-blobs --losses 'cross_entropy; cross_entropy:weights=balanced'
  perdita compare --data csv:houses.csv,target=price --losses 'mse; huber:delta=2; log_cosh' --seeds 5
  perdita compare --data fashion-mnist --imbalance longtail:100 --epochs 25 --seeds 3 --losses
    'cross_entropy; cross_entropy:weights=balanced; focal:gamma=2; ldam_drw; balanced_softmax; logit_adjusted'
  perdita compare --resume runs/compare-fashion-mnist-1

Every loss trains the same network from the same initial weights on the same batches, once per seed. The folder receives
comparison.json, comparison.csv, report.html and one folder per run. After Ctrl-C or a crash, --resume continues.

In the table, * marks a statistically significant difference from the first loss. With 2 seeds or more the test accounts
for the variation between training runs; with one seed only for the variation between test samples.

Exit status: 0 success, 1 failure, 2 incorrect usage, 130 interrupted.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Trains with several losses and compares the results by the same metrics.", "perdita compare");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  app.add_option("--losses", a.losses, "losses to compare: LOSS[:OPTION=VALUE,...]; LOSS; ...")
      ->type_name("LIST")
      ->group("Comparison");
  app.add_option("--seeds", a.seeds, "runs of each loss, 1 to 1000, with seeds counting from --seed (default: 3)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->group("Comparison");
  add_run_options(app, a.given, {"loss"});
  app.add_option("--out", a.out, "folder of the comparison (default: runs/compare-NAME-1, -2, ...)")
      ->type_name("DIR")
      ->group("Run");
  app.add_flag("--overwrite", a.overwrite,
               "replace the comparison in the folder as soon as a run has finished its first epoch")
      ->group("Run");
  app.add_option("--resume", a.resume, "continue the comparison in this folder")->type_name("DIR")->group("Run");
  app.add_flag("--quiet", a.quiet, "print only the table")->group("Run");
  app.add_flag("--json", a.json, "print comparison.json, and the progress to standard error")->group("Run");
  if (!parse(app, words)) return false;
  keep_given(app, a.given);
  if (a.resume.empty()) {
    if (a.losses.empty()) throw UsageError("--losses is missing (example: --losses 'cross_entropy; focal:gamma=2')");
    return true;
  }
  if (!a.given.empty() || !a.losses.empty() || !a.out.empty() || a.overwrite || app.count("--seeds") > 0) {
    throw UsageError(
        "--resume can be combined only with --quiet and --json (a comparison continues with its original options)");
  }
  return true;
}

train::Comparison start(const Arguments& a) {
  train::ComparisonPlan plan{.losses = a.losses, .seeds = a.seeds, .common = {}};
  check_storable("--losses", a.losses);
  apply(a.given, plan.common);
  if (plan.common.data.empty()) throw UsageError("--data is missing (valid: --data SOURCE, or --resume DIR)");
  if (!a.out.empty() && report::is_occupied(a.out) && !a.overwrite) {
    throw UsageError(
        fmt::format("--out: {} is not empty (valid: a new or empty folder; --overwrite to replace the comparison in "
                    "it, or --resume {} to continue it)",
                    a.out, train::quote_for_shell(a.out)));
  }
  return as_usage([&] {
    const std::filesystem::path folder =
        a.out.empty() ? report::next_free_folder("compare-" + report::folder_name(plan.common.data))
                      : std::filesystem::path(a.out);
    return train::Comparison(plan, folder);
  });
}

/// One line a run, and a bar of its epochs.
class Output {
 public:
  Output(const train::Comparison& comparison, std::FILE* out)
      : comparison_(comparison), out_(out), done_before_(comparison.runs_done()) {}

  void begin(std::int64_t number, const train::Run& run) {
    const train::Config& config = run.problem().config;
    const std::string label = fmt::format("run {}/{} {}, seed {}", comparison_.runs_done() + 1, comparison_.runs(),
                                          name_of(number), config.seed);
    bar_ = std::make_unique<Progress>(out_, label, *config.epochs);
    bar_->update(run.trainer().epoch());
  }
  void epoch(const train::EpochReport& report) { bar_->update(report.epoch, report.train_loss); }
  void end(std::int64_t number, const evaluate::RunResult& result) {
    std::string text = fmt::format("{:>3}/{}  {}, seed {}: ", comparison_.runs_done(), comparison_.runs(),
                                   name_of(number), result.seed);
    if (result.failure.empty()) {
      const evaluate::Metric& metric = comparison_.results().metrics.front();
      text += metric.is_share ? fmt::format("{} {:.2f} %", metric.title, 100 * result.values.front())
                              : fmt::format("{} {}", metric.title, evaluate::format_number(result.values.front()));
    } else {
      text += "failed: " + printable(result.failure);
    }
    bar_->finish(text + time_left());
    bar_.reset();
  }
  void stop() { bar_.reset(); }

 private:
  std::string name_of(std::int64_t number) const {
    const auto& entries = comparison_.results().candidates;
    return printable(entries[static_cast<std::size_t>(number) % entries.size()].name);
  }
  std::string time_left() const {
    const std::int64_t done = comparison_.runs_done(), left = comparison_.runs() - done;
    if (left == 0) return "";
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return fmt::format("  (about {} left)",
                       format_duration(spent / static_cast<double>(done - done_before_) * static_cast<double>(left)));
  }

  const train::Comparison& comparison_;
  std::FILE* out_;
  std::int64_t done_before_;
  std::unique_ptr<Progress> bar_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void print_result(const train::Comparison& comparison) {
  say("\n{}\n", evaluate::comparison_table(comparison.results()));
  for (const std::string& note : evaluate::notes(comparison.results())) say("{}\n", printable(note));
  say("\n");
  print_report(comparison.path(), comparison.plan().common.charts.png);
}

}  // namespace

int compare(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  catch_signals();
  train::Comparison comparison = a.resume.empty() ? start(a) : train::Comparison::resume(a.resume);
  if (const auto threads = comparison.plan().common.threads) set_num_threads(*threads);
  for (const std::string& warning : comparison.warnings())
    say_to(stderr, "perdita compare: warning: {}\n", printable(warning));
  std::FILE* const out = a.json ? stderr : stdout;
  for (const std::string& note : comparison.notes()) {
    if (!a.quiet) say_to(out, "columns  {}\n", printable(note));
  }
  Output output(comparison, out);
  train::ComparisonEvents events{.should_stop = must_stop};
  if (!a.quiet) {
    events.on_run = [&](std::int64_t number, const train::Run& run) { output.begin(number, run); };
    events.on_epoch = [&](const train::EpochReport& report) { output.epoch(report); };
    events.on_result = [&](std::int64_t number, const evaluate::RunResult& result) { output.end(number, result); };
  }
  if (!comparison.run(events)) {
    output.stop();
    if (comparison.keeps_old_comparison()) {
      say_to(stderr,
             "perdita compare: interrupted before the end of the first epoch; the earlier comparison in {} was kept\n",
             printable(comparison.path().string()));
      return interrupted_status();
    }
    say_to(stderr, "perdita compare: interrupted after {} of {} runs; to continue:\n  perdita compare --resume {}\n",
           comparison.runs_done(), comparison.runs(), train::quote_for_shell(comparison.path().string()));
    return interrupted_status();
  }
  comparison.finish();
  if (a.json) {
    say("{}", read_file(comparison.path() / "comparison.json"));
  } else {
    print_result(comparison);
  }
  return 0;
}

}  // namespace perdita::cli
