// perdita train
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.hpp"
#include "cli/run_options.hpp"
#include "cli/terminal.hpp"
#include "cli/train_output.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/train/run.hpp"

namespace perdita::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  Given given;
  std::string out, resume;
  bool overwrite = false, quiet = false, json = false;
};

constexpr const char* examples = R"(Examples:
  perdita train --data fashion-mnist --hidden 256 --optimizer sgd:momentum=0.9 --out runs/fashion
  perdita train --data csv:houses.csv,target=price --loss huber:delta=2
  perdita train --data csv:churn.csv --class-weights balanced --epochs 50 --patience 5
  perdita train --data npy:x.npy,y.npy --loss focal:gamma=2 --hidden 256,128 --dropout 0.2
  perdita train --resume runs/fashion --epochs 20
  perdita train --data synthetic:moons

The folder of the run receives config.json, history.jsonl, checkpoint.safetensors, model.safetensors, report.html and
its charts as SVG and PNG. For classification it also receives suspects.csv: the training samples, ordered by how likely
their labels are wrong. After Ctrl-C or a crash, --resume continues from the last complete epoch; the resulting model is
identical to that of an uninterrupted run.

Exit status: 0 success, 1 failure, 2 incorrect usage, 130 interrupted.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& arguments) {
  CLI::App app("Trains a multi-layer perceptron, evaluates it on test data and writes a report.", "perdita train");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  add_run_options(app, arguments.given);
  app.add_option("--out", arguments.out, "folder of the run (default: runs/NAME-1, -2, ...)")
      ->type_name("DIR")
      ->group("Run");
  app.add_flag("--overwrite", arguments.overwrite,
               "replace the run in the folder as soon as the new run has finished its first epoch")
      ->group("Run");
  app.add_option("--resume", arguments.resume, "continue the run in this folder")->type_name("DIR")->group("Run");
  app.add_flag("--quiet", arguments.quiet, "print only the result")->group("Run");
  app.add_flag("--json", arguments.json, "print the result as JSON, and the progress to standard error")->group("Run");
  if (!parse(app, words)) return false;
  keep_given(app, arguments.given);
  return true;
}

train::Problem prepare_problem(const train::Config& config) {
  if (config.threads) set_num_threads(*config.threads);
  return as_usage([&] { return train::prepare(config); });
}

train::Run start(const Arguments& arguments) {
  train::Config config;
  apply(arguments.given, config);
  if (config.data.empty()) throw UsageError("--data is missing (valid: --data SOURCE, or --resume DIR)");
  if (!arguments.out.empty() && report::is_occupied(arguments.out) && !arguments.overwrite) {
    throw UsageError(
        fmt::format("--out: {} is not empty (valid: a new or empty folder; --overwrite to replace the run in it, or "
                    "--resume {} to continue it)",
                    arguments.out, train::quote_for_shell(arguments.out)));
  }
  train::Problem problem = prepare_problem(config);
  const fs::path folder =
      arguments.out.empty() ? report::next_free_folder(report::folder_name(config.data)) : fs::path(arguments.out);
  return train::Run(std::move(problem), folder, arguments.overwrite);
}

train::Run resume(const Arguments& arguments) {
  std::string changeable;
  for (const train::Option& option : train::options()) {
    if (option.may_change) changeable += fmt::format("{}--{}", changeable.empty() ? "" : ", ", option.name);
  }
  for (const train::Option& option : train::options()) {
    if (option.may_change || !arguments.given.contains(option.name)) continue;
    throw UsageError(fmt::format("--{} cannot change when a run is resumed (valid: {})", option.name, changeable));
  }
  if (!arguments.out.empty() || arguments.overwrite) {
    throw UsageError(fmt::format("{} cannot be combined with --resume (a resumed run stays in its folder)",
                                 arguments.overwrite ? "--overwrite" : "--out"));
  }
  train::Resumable found = train::find_run(arguments.resume);
  apply(arguments.given, found.config);
  if (const auto done = found.checkpoint ? found.checkpoint->epoch : 0;
      arguments.given.contains("epochs") && *found.config.epochs < done) {
    throw UsageError(fmt::format("--epochs: got {}, but the run has already trained {} epochs (valid: {} or more)",
                                 *found.config.epochs, done, done));
  }
  return train::Run(prepare_problem(found.config), std::move(found.folder), found.checkpoint);
}

int report_stop(const train::Run& run) {
  if (run.keeps_old_run()) {
    say_to(stderr, "perdita train: interrupted before the end of the first epoch; the earlier run in {} was kept\n",
           run.path().string());
    return interrupted_status();
  }
  say_to(stderr, "perdita train: interrupted in epoch {}; to continue:\n  perdita train --resume {}\n",
         run.trainer().epoch() + 1, train::quote_for_shell(run.path().string()));
  return interrupted_status();
}

}  // namespace

int train(const std::vector<std::string>& words) {
  Arguments arguments;
  if (!read(words, arguments)) return 0;
  catch_signals();
  train::Run run = arguments.resume.empty() ? start(arguments) : resume(arguments);
  for (const std::string& warning : run.problem().warnings) {
    say_to(stderr, "perdita train: warning: {}\n", evaluate::printable(warning));
  }
  TrainOutput output(run, arguments.json ? stderr : stdout);
  train::RunEvents events{.on_step = {}, .on_epoch = {}, .should_stop = must_stop};
  if (!arguments.quiet) {
    output.begin();
    events.on_step = [&](const train::StepReport& at) { output.step(at); };
    events.on_epoch = [&](const train::EpochReport& report) { output.epoch(report); };
  }
  if (!run.train(events)) {
    output.stop();
    return report_stop(run);
  }
  const auto result = run.finish();
  arguments.json ? print_result_json(run, result) : print_result(run, result);
  return 0;
}

}  // namespace perdita::cli
