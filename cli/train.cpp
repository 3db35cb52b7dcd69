// perdita train
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/train_output.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/train/run.hpp"

namespace perdita::cli {

namespace {

namespace fs = std::filesystem;

/// The signal that asked us to stop, or 0.
volatile std::sig_atomic_t stop_signal = 0;

/// The first Ctrl-C ends training after the step at hand, the second at once.
void catch_signals() {
  for (int number : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    ::sigaction(number, &action, nullptr);
  }
}
bool must_stop() { return stop_signal != 0; }

struct Arguments {
  std::map<std::string_view, std::string> given;  // by the option's name
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

The run's folder gets config.json, history.jsonl, checkpoint.safetensors, model.safetensors, report.html, loss.svg
and distribution.svg. After Ctrl-C or a crash --resume goes on from the last whole epoch and ends with the very model
of a run that was not interrupted.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& arguments) {
  CLI::App app("Trains a multi-layer perceptron, tests it and writes a report.", "perdita train");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  for (const train::Option& option : train::options()) {
    std::string& text = arguments.given[option.name];
    CLI::Option* added = nullptr;
    const std::string name = fmt::format("--{}", option.name), help(option.help);
    if (option.value.empty()) {
      added = app.add_flag_callback(
          name, [&text] { text = "yes"; }, help);
    } else {
      added = app.add_option(name, text, help)->type_name(std::string(option.value));
    }
    added->group(std::string(option.section));
  }
  app.add_option("--out", arguments.out, "folder of the run (runs/NAME-1, -2, ...)")->type_name("DIR")->group("Run");
  app.add_flag("--overwrite", arguments.overwrite, "replace the run that is in the folder")->group("Run");
  app.add_option("--resume", arguments.resume, "go on with the run in this folder")->type_name("DIR")->group("Run");
  app.add_flag("--quiet", arguments.quiet, "print the result alone")->group("Run");
  app.add_flag("--json", arguments.json, "print the result as JSON; progress goes to standard error")->group("Run");
  if (!parse(app, words)) return false;
  for (const train::Option& option : train::options()) {
    if (!option.value.empty() && app.count(fmt::format("--{}", option.name)) == 0) arguments.given.erase(option.name);
    if (option.value.empty() && arguments.given[option.name].empty()) arguments.given.erase(option.name);
  }
  return true;
}

void apply(const Arguments& arguments, train::Config& config) {
  for (const train::Option& option : train::options()) {  // in this order: shorthands change what others set
    const auto found = arguments.given.find(option.name);
    if (found == arguments.given.end()) continue;
    try {
      option.set(config, found->second);
    } catch (const ValueError& error) {
      throw UsageError(fmt::format("--{}: {}", option.name, error.what()));
    }
  }
}

/// train::prepare(), where a ValueError is the user's.
train::Problem prepare_problem(const train::Config& config) {
  if (config.threads) set_num_threads(*config.threads);
  try {
    return train::prepare(config);
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
}

train::Run start(const Arguments& arguments) {
  train::Config config;
  apply(arguments, config);
  if (config.data.empty()) throw UsageError("--data is missing (valid: --data SOURCE, or --resume DIR)");
  if (!arguments.out.empty() && train::is_occupied(arguments.out) && !arguments.overwrite) {
    throw UsageError(
        fmt::format("--out: {} is not empty (valid: a new or empty folder; --overwrite to replace the run in it, or "
                    "--resume {} to go on with it)",
                    arguments.out, train::quote_for_shell(arguments.out)));
  }
  train::Problem problem = prepare_problem(config);
  const fs::path folder =
      arguments.out.empty() ? train::next_free_folder(train::folder_name(config.data)) : fs::path(arguments.out);
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
    throw UsageError(fmt::format("{} and --resume exclude each other (a resumed run stays in its folder)",
                                 arguments.overwrite ? "--overwrite" : "--out"));
  }
  train::Resumable found = train::find_run(arguments.resume);
  apply(arguments, found.config);
  return train::Run(prepare_problem(found.config), std::move(found.folder), found.checkpoint);
}

int report_stop(const train::Run& run) {
  fmt::print(stderr, "perdita train: interrupted in epoch {}; to go on:\n  perdita train --resume {}\n",
             run.trainer().epoch() + 1, train::quote_for_shell(run.path().string()));
  return 128 + stop_signal;
}

}  // namespace

int train(const std::vector<std::string>& words) {
  Arguments arguments;
  if (!read(words, arguments)) return 0;
  catch_signals();
  train::Run run = arguments.resume.empty() ? start(arguments) : resume(arguments);
  for (const std::string& warning : run.problem().warnings) {
    fmt::print(stderr, "perdita train: warning: {}\n", evaluate::printable(warning));
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
