// The text of a CSV file: whole in memory, or read in pieces that end at the end of a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "perdita/core/file.hpp"

namespace perdita::data::detail {

/// The longest record of a file that is read in pieces.
inline constexpr std::size_t most_record_bytes = std::size_t{16} << 20;

/// The length of the records that are complete in `text`, which begins with a record: up to the last line end that is
/// not in a quoted field. A quote is the start of a field where CsvScanner takes it for one. A carriage return at the
/// very end does not count: a line feed may follow.
std::size_t complete_records(std::string_view text, char separator);

class CsvText {
 public:
  /// `text` must outlive this object. Both throw DataError for UTF-16, gzip and other binary data, and skip the
  /// byte-order mark of UTF-8.
  CsvText(std::string_view text, std::string name);
  /// Reads the file in pieces, from front to back.
  explicit CsvText(std::shared_ptr<const InputFile> file);

  const std::string& name() const { return name_; }
  /// What is in memory of the text after the last piece.
  std::string_view loaded() const { return file_ ? std::string_view(buffer_).substr(used_) : text_.substr(used_); }
  /// Whether loaded() is all that is left.
  bool is_all_loaded() const { return is_all_loaded_; }
  /// Reads another block. Throws FileError; DataError when loaded() exceeds most_record_bytes already.
  void load();
  /// The next piece, which stays valid until the next call: complete records; empty at the end. Throws as load().
  std::string_view next(char separator);

 private:
  std::string name_;
  std::string_view text_;  // the whole text, if it is given as a string
  std::shared_ptr<const InputFile> file_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  std::size_t used_ = 0;
  bool is_all_loaded_ = false;
};

}  // namespace perdita::data::detail
