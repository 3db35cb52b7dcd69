// The record of a run: a file of JSON lines, one flat object for every step and epoch, that only grows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/core/file.hpp"

namespace perdita::evaluate {

/// One line. Written as
///     {"kind":"step","epoch":1,"step":37,"train_loss":0.53,"lr":0.1,"seconds":0.21}
/// A value that is not finite has no JSON number: it is written as null and told in one more key,
///     {"kind":"epoch","epoch":2,"train_loss":null,"lr":0.1,"nonfinite":"train_loss=nan"}
/// with nan, inf or -inf, several separated by blanks. Strict readers (jq, pandas, JavaScript) read every line.
struct Record {
  std::string kind;        ///< "step", "epoch" or "test"
  std::int64_t epoch = 0;  ///< from 1; 0: left out
  std::int64_t step = 0;   ///< from 1 over the whole run; 0: left out
  std::vector<std::pair<std::string, double>> values;

  /// The value of a key, if the line has it.
  std::optional<double> find(std::string_view key) const;
};

/// The line of a record, without the newline.
std::string to_json(const Record& record);
/// Throws DataError: not an object, no "kind", or a number where none can be. Values that are texts are skipped.
Record record_from_json(std::string_view line);

/// Writes a history. Every record is with the system before write() returns, so that a killed process loses at
/// most the record that it was writing; an epoch's record is with the disk, too. Throws FileError.
class History {
 public:
  /// A new, empty history; what the file held is gone.
  static History create(const std::filesystem::path& path);
  /// Continues after the record of `epoch` (0: from the start): later lines, whole or torn, are cut off, so that the
  /// file goes on as if the run had never been interrupted. Throws DataError if the epoch is not there.
  static History resume(const std::filesystem::path& path, std::int64_t epoch);

  /// Appends one line.
  void write(const Record& record);
  /// The file.
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  explicit History(AppendFile file) : file_(std::move(file)) {}
  AppendFile file_;
};

/// Everything in a history. A torn last line (no newline) is left out. Throws FileError, or DataError that names the
/// file and the line.
std::vector<Record> read_history(const std::filesystem::path& path);

/// A curve: the values of `key` over the records of `kind`; x is the step of steps and the epoch of epochs.
struct Curve {
  std::vector<double> x, y;
};
Curve curve(const std::vector<Record>& records, std::string_view kind, std::string_view key);

}  // namespace perdita::evaluate
