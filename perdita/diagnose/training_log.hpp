// Logs of training of any program, read as the history of a run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/diagnose/log_columns.hpp"
#include "perdita/evaluate/history.hpp"

namespace perdita::diagnose {

struct TrainingLog {
  std::filesystem::path path;
  std::string format;                          ///< "CSV", "TensorBoard events", "run of Perdita", ...
  bool is_boosting = false;                    ///< epochs are rounds of gradient boosting
  std::vector<evaluate::Record> history = {};  ///< as that of a run: train_loss, val_loss, val_accuracy, lr, grad_norm
  std::vector<std::pair<std::string, std::string>> mapping = {};  ///< columns of the log, and what they were taken for
  std::vector<std::string> ignored = {};                          ///< columns without a meaning
  std::string epochs_are = {};  ///< how epochs were found: "rows", "values of the column epoch", ...
  /// Of a finished run of Perdita, which was diagnosed with more than its curves.
  std::optional<std::vector<Finding>> findings = {};

  /// Number of records of epochs.
  std::int64_t epochs() const;
};

/// The logs at `path`: a file, the folder of a run, or a folder of such folders (mlruns, lightning_logs, runs). Throws
/// FileError, and DataError if a log is missing or damaged or has no loss.
std::vector<TrainingLog> read_training_logs(const std::filesystem::path& path, const ColumnChoices& choices = {});

/// The issues of a log, and those that it can neither show nor exclude.
Diagnosis diagnose_log(const TrainingLog& log);

}  // namespace perdita::diagnose
