// perdita diagnose
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/diagnose/diagnose_path.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string path, baseline, columns;
  bool json = false, quiet = false;
};

constexpr const char* footer = R"(Reads
  runs of perdita train, perdita compare and perdita.Recorder
  trainer_state.json of transformers            CSV files: Lightning, Keras, fastai, Ultralytics, any other
  TensorBoard event files                       JSON lines, JSON lists and objects (History.history of Keras)
  run folders of MLflow (mlruns)                evaluation results of XGBoost and LightGBM, saved as JSON
and folders with such runs. The columns are recognized by their names; the output shows how they were taken.

Examples:
  perdita diagnose runs/
  perdita diagnose output/checkpoint-500/trainer_state.json
  perdita diagnose lightning_logs/version_3 --baseline lightning_logs/version_1
  perdita diagnose log.csv --columns 'train_loss=Objective,val_loss=Held out' --json

Exit status: 0 no issue, 1 issues were found, 2 the log cannot be read or incorrect usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Finds issues of training runs in their logs.", "perdita diagnose");
  app.footer(footer);
  app.get_formatter()->column_width(32);
  app.add_option("path", a.path, "log, folder of a run, or folder with runs")->type_name("PATH");
  app.add_option("--baseline", a.baseline, "a good run: report runs whose lowest loss is worse")->type_name("RUN");
  app.add_option("--columns", a.columns,
                 "meanings of columns whose names are not recognized: MEANING=COLUMN,... with the meanings\n"
                 "train_loss, val_loss, val_accuracy, lr, grad_norm, step and epoch")
      ->type_name("MAP");
  app.add_flag("--quiet", a.quiet, "print findings only");
  app.add_flag("--json", a.json, "print JSON");
  if (!parse(app, words)) return false;
  if (a.path.empty()) throw UsageError("the log is missing");
  return true;
}

diagnose::ColumnChoices column_choices(const Arguments& a) {
  try {
    return diagnose::parse_column_choices(a.columns);
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("--columns: {}", error.what()));
  }
}

void print(const diagnose::DiagnosedLog& run, bool is_quiet) {
  const diagnose::TrainingLog& log = run.log;
  if (is_quiet && run.diagnosis.findings.empty()) return;
  say("{}\n", log.path.string());
  if (!is_quiet) {
    say("  read as   {}, {} epochs{}\n", log.format, log.epochs(),
        log.epochs_are.empty() || log.epochs_are == "epochs" ? "" : fmt::format(" ({})", log.epochs_are));
    for (const auto& [columns, meaning] : log.mapping) say("  column    {}: {}\n", meaning, columns);
    if (!log.ignored.empty()) say("  ignored   {}\n", fmt::join(log.ignored, ", "));
  }
  for (const diagnose::Finding& finding : run.diagnosis.findings) {
    say("  {:<8}  {} ({}): {}\n            try: {}\n            see: {}\n",
        diagnose::name_of(diagnose::severity_of(finding.issue)), diagnose::title_of(finding.issue),
        diagnose::name_of(finding.issue), finding.text, finding.advice, diagnose::link_of(finding.issue));
  }
  if (run.diagnosis.findings.empty()) say("  no issue found\n");
  if (!is_quiet) {
    for (const std::string& undecided : run.diagnosis.undecided) say("  undecided {}\n", undecided);
  }
  say("\n");
}

}  // namespace

int diagnose(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  std::vector<diagnose::DiagnosedLog> runs;
  const diagnose::ColumnChoices choices = column_choices(a);
  try {
    runs = diagnose::diagnose_path(a.path, a.baseline, choices);
  } catch (const Error& error) {
    complain("perdita diagnose", error.what());
    return 2;
  }
  bool has_findings = false;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const diagnose::DiagnosedLog& run : runs) {
    has_findings |= !run.diagnosis.findings.empty();
    if (a.json)
      list.push_back(diagnose::to_json(run));
    else
      print(run, a.quiet);
  }
  if (a.json) {
    const nlohmann::ordered_json object{{"runs", list}};
    say("{}\n", object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
  return has_findings ? 1 : 0;
}

}  // namespace perdita::cli
