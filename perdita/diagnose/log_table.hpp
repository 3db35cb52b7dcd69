// A log of training as its file has it: named values of steps and epochs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::diagnose {

/// One value of a log.
struct LogValue {
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  std::size_t column = 0;  ///< index of its name in LogTable::columns
  std::int64_t row = 0;    ///< values of one row belong together
  double value = 0;
  double step = unknown;  ///< as the format states it; columns of the table may do so, too
};

struct LogTable {
  std::filesystem::path path;
  std::string format;                ///< "CSV", "TensorBoard events", ...
  bool is_boosting = false;          ///< rows are rounds of gradient boosting
  std::vector<std::string> columns;  ///< in order of appearance
  std::vector<LogValue> values;      ///< in the order of the log

  /// The index of a column, which is added if it is new.
  std::size_t column(std::string_view name);
  /// Puts the values of one step into one row, in the order of the steps.
  void number_rows_by_step();
};

/// Whether the file begins like one of these formats. Folders are not files.
bool is_event_file(const std::filesystem::path& path);
bool is_mlflow_run(const std::filesystem::path& folder);

/// Scalars of TensorBoard event files, one table for all. `prefixes` are put before the tags of each file, such as
/// "train/". Incomplete records at the end are ignored. Throws FileError, DataError for damaged files.
struct EventFileName {
  std::filesystem::path path;
  std::string prefix;
};
LogTable read_event_files(const std::vector<EventFileName>& files);

/// The metrics of a run folder of MLflow: files with lines "timestamp value step" below metrics/.
LogTable read_mlflow_run(const std::filesystem::path& folder);

/// CSV with a header; empty fields and words are skipped.
LogTable read_csv_log(const std::filesystem::path& path, std::string_view text);

/// JSON lines, a list of objects, an object of lists (Keras), trainer_state.json of transformers, or the evaluation
/// results of XGBoost and LightGBM. Nested objects become names with slashes.
LogTable read_json_log(const std::filesystem::path& path, std::string_view text);

}  // namespace perdita::diagnose
