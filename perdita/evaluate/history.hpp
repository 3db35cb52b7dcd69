// The history of a run: an append-only file of JSON lines, with one flat object per step and epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/core/file.hpp"

namespace perdita::evaluate {

/// One line. Written as
///     {"kind":"step","epoch":1,"step":37,"train_loss":0.53,"lr":0.1,"seconds":0.21}
/// Values that are not finite are written as null, and their names and values are listed in an additional key,
///     {"kind":"epoch","epoch":2,"train_loss":null,"lr":0.1,"nonfinite":"train_loss=nan"}
/// with nan, inf or -inf, separated by spaces. Strict JSON readers (jq, pandas, JavaScript) can read every line.
struct Record {
  std::string kind;        ///< "step", "epoch" or "test"
  std::int64_t epoch = 0;  ///< from 1; 0: omitted
  std::int64_t step = 0;   ///< from 1 over the whole run; 0: omitted
  std::vector<std::pair<std::string, double>> values;

  /// The value of a key, if the line has it.
  std::optional<double> find(std::string_view key) const;
};

/// The line of a record, without the newline.
std::string to_json(const Record& record);
/// Throws DataError if the line is not an object, has no "kind", or has an invalid number. String values are skipped.
Record record_from_json(std::string_view line);

/// Writes a history. Each record is passed to the operating system before write() returns, so that a killed process
/// loses at most one record; records of epochs are also synchronized to disk. Throws FileError.
class History {
 public:
  /// Creates an empty history, discarding the contents of an existing file.
  static History create(const std::filesystem::path& path);
  /// Continues after the record of `epoch` (0: from the start). Later lines, complete or not, are removed, so that the
  /// file is the same as without the interruption. Throws DataError if the epoch was not recorded.
  static History resume(const std::filesystem::path& path, std::int64_t epoch);

  /// Continues after the first `bytes` bytes, which must end a line. Throws DataError if the file is shorter.
  static History resume_at(const std::filesystem::path& path, std::uint64_t bytes);

  /// Appends one line.
  void write(const Record& record);
  /// Appends several lines of steps at once, which is faster.
  void write_steps(std::span<const Record> records);
  /// The file.
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  explicit History(AppendFile file) : file_(std::move(file)) {}
  AppendFile file_;
};

/// Reads all records of a history. An incomplete last line (no newline) is ignored. Throws FileError, or DataError that
/// names the file and the line.
std::vector<Record> read_history(const std::filesystem::path& path);

/// A curve: the values of `key` over the records of `kind`; x is the step of steps and the epoch of epochs.
struct Curve {
  std::vector<double> x, y;
};
Curve curve(const std::vector<Record>& records, std::string_view kind, std::string_view key);

}  // namespace perdita::evaluate
