#include "perdita/diagnose/training_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/diagnose/findings_json.hpp"
#include "perdita/diagnose/log_epochs.hpp"
#include "perdita/diagnose/log_table.hpp"

namespace perdita::diagnose {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view formats =
    "a run of Perdita, trainer_state.json, TensorBoard event files, CSV, JSON, an MLflow run, or a folder with such "
    "runs";

/// Files that hold the log of the folder they are in.
constexpr std::array<std::string_view, 10> log_names{
    "history.jsonl", "trainer_state.json", "metrics.csv", "results.csv",       "history.csv",
    "training.log",  "training_log.csv",   "log.csv",     "evals_result.json", "metrics.jsonl"};
/// Folders that contain event files of one run, named after the samples.
constexpr std::array<std::string_view, 7> sides{"train", "training", "validation", "val", "eval", "valid", "test"};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}
bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) entries.push_back(entry.path());
  if (error) fail<FileError>("cannot read the folder {}: {}", folder.string(), error.message());
  std::ranges::sort(entries);
  return entries;
}

/// Whether it is a history of Perdita, and not of another program.
bool is_history(const fs::path& path, std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  return path.extension() == ".jsonl" && first.starts_with("{\"kind\":");
}

TrainingLog read_own_history(const fs::path& path) {
  TrainingLog log{.path = path, .format = "history of Perdita"};
  log.history = evaluate::read_history(path);
  log.epochs_are = "epochs";
  const fs::path diagnosis = path.parent_path() / "diagnosis.json";
  if (is_file(diagnosis)) log.findings = read_diagnosis(read_file(diagnosis), diagnosis.string(), log.epochs());
  return log;
}

TrainingLog read_file_log(const fs::path& path, const ColumnChoices& choices) {
  if (is_event_file(path)) return history_of(read_event_files({{path, ""}}), choices);
  const std::string text = read_file(path);
  if (text.starts_with("SQLite format 3")) {
    fail<DataError>("{}: a SQLite database cannot be read (valid: {}; export its metrics as CSV or JSON first)",
                    path.string(), formats);
  }
  if (is_history(path, text)) return read_own_history(path);
  const std::size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (start == text.npos) fail<DataError>("{}: the file is empty (valid: {})", path.string(), formats);
  const bool is_json = text[start] == '{' || text[start] == '[';
  return history_of(is_json ? read_json_log(path, text) : read_csv_log(path, text), choices);
}

/// Event files of one run: those in the folder, and those of its folders train, validation and so on.
std::vector<EventFileName> event_files_of(const fs::path& folder) {
  std::vector<EventFileName> files;
  for (const fs::path& entry : entries_of(folder)) {
    const std::string name = entry.filename().string();
    if (is_event_file(entry) && is_file(entry)) files.push_back({entry, ""});
    if (!is_folder(entry) || std::ranges::find(sides, name) == sides.end()) continue;
    for (const fs::path& inner : entries_of(entry)) {
      if (is_event_file(inner) && is_file(inner)) files.push_back({inner, name + "/"});
    }
  }
  return files;
}

/// The run that the folder itself is.
std::optional<TrainingLog> read_folder_log(const fs::path& folder, const ColumnChoices& choices) {
  for (const std::string_view name : log_names) {
    if (is_file(folder / name)) return read_file_log(folder / name, choices);
  }
  if (is_mlflow_run(folder)) return history_of(read_mlflow_run(folder), choices);
  if (const auto events = event_files_of(folder); !events.empty()) {
    TrainingLog log = history_of(read_event_files(events), choices);
    log.path = folder;
    return log;
  }
  return std::nullopt;
}

/// transformers saves the log with each checkpoint; the last one has all of it.
std::optional<fs::path> last_checkpoint(const std::vector<fs::path>& entries) {
  std::optional<fs::path> last;
  std::int64_t most = -1;
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    if (!name.starts_with("checkpoint-") || !is_file(entry / "trainer_state.json")) continue;
    const std::int64_t step = std::atoll(name.c_str() + std::string_view("checkpoint-").size());
    if (step > most) most = step, last = entry / "trainer_state.json";
  }
  return last;
}

void read_folder(const fs::path& folder, const ColumnChoices& choices, int depth, std::vector<TrainingLog>& logs) {
  if (auto log = read_folder_log(folder, choices)) {
    logs.push_back(std::move(*log));
    return;
  }
  constexpr int most_depth = 4;
  if (depth == most_depth) return;
  const std::vector<fs::path> entries = entries_of(folder);
  if (const auto checkpoint = last_checkpoint(entries)) {
    logs.push_back(read_file_log(*checkpoint, choices));
    return;
  }
  for (const fs::path& entry : entries) {
    if (is_folder(entry) && !fs::is_symlink(entry)) read_folder(entry, choices, depth + 1, logs);
  }
}

}  // namespace

std::int64_t TrainingLog::epochs() const {
  return std::ranges::count(history, "epoch", [](const evaluate::Record& record) { return record.kind; });
}

Diagnosis diagnose_log(const TrainingLog& log) {
  Diagnosis diagnosis = diagnose_log(Evidence{.history = log.history});
  if (log.findings) diagnosis = {*log.findings, {}};
  const bool has_val = !evaluate::curve(log.history, "epoch", "val_loss").y.empty();
  const bool has_train = !evaluate::curve(log.history, "epoch", "train_loss").y.empty();
  if (log.is_boosting) {  // the other rules are about learning rates and gradient steps
    std::erase_if(diagnosis.findings, [](const Finding& finding) {
      return finding.issue != Issue::divergence && finding.issue != Issue::overfitting;
    });
    diagnosis.undecided.clear();
  }
  if (log.epochs() < least_epochs) {
    diagnosis.undecided.push_back(fmt::format(
        "the log has {} epochs, too few to analyze its curves (at least {} are needed)", log.epochs(), least_epochs));
  } else if (!has_val) {
    diagnosis.undecided.push_back("overfitting: the log has no validation loss");
  } else if (!has_train) {
    diagnosis.undecided.push_back("overfitting and learning rate: the log has no training loss");
  }
  return diagnosis;
}

std::vector<TrainingLog> read_training_logs(const fs::path& path, const ColumnChoices& choices) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail<FileError>("{} does not exist (valid: {})", path.string(), formats);
  std::vector<TrainingLog> logs;
  if (is_folder(path))
    read_folder(path, choices, 0, logs);
  else
    logs.push_back(read_file_log(path, choices));
  if (logs.empty()) fail<DataError>("{} contains no log of training (valid: {})", path.string(), formats);
  return logs;
}

}  // namespace perdita::diagnose
