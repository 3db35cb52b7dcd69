// The records of a CSV table: the reader behind read_csv(), open_rows() and count_labels().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "perdita/data/csv_layout.hpp"

namespace perdita::data::detail {

class CsvReader {
 public:
  /// Reads the first record. Throws ValueError for a separator that is not valid; DataError for a file that is empty or
  /// not text, and as read_layout().
  CsvReader(CsvText text, const CsvFormat& format, const CsvQuery& query);
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  const CsvLayout& layout() const { return layout_; }
  const std::string& file() const { return text_.name(); }
  /// "column 1 'size'", or without a header "column 1".
  std::string column_name(std::int64_t column) const;

  /// Whether there is another record. Blank lines are skipped.
  bool at_record() { return scanner_.at_record() || at_next_piece(); }
  /// The next field of the record, as many as there are columns. Its text is valid up to the next call of at_record().
  /// Throws DataError for a record with fewer or more fields.
  CsvField next() {
    const CsvField field = scanner_.next();
    const bool is_last = ++fields_ == layout_.columns;
    if (field.ends_record != is_last) wrong_length(field);
    if (is_last) fields_ = 0;
    return field;
  }
  /// Goes back to the first record, of text in memory.
  void rewind() { scanner_ = first_; }

  /// Throws DataError for a table without data.
  void require_record();
  /// Throws DataError for a field that is not the number it should be; `valid` is what it should be.
  [[noreturn]] void refuse(const CsvField& field, std::int64_t column, NumberStatus status,
                           std::string_view valid) const;

 private:
  bool at_next_piece();
  [[noreturn]] void wrong_length(CsvField field);

  CsvText text_;
  char separator_;
  CsvScanner scanner_;
  CsvLayout layout_;
  CsvScanner first_;
  std::int64_t fields_ = 0;  // of the record, so far
};

}  // namespace perdita::data::detail
