// The target column of a CSV table: numbers or labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv.hpp"
#include "perdita/data/csv_profile.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/precision.hpp"

namespace perdita::data::detail {

/// Reads a column that does not contain only numbers again: add() for all records, then, if has_words(), add_word() for
/// all records and decide(), and if that returns true, add_date() for all records.
class CsvTarget {
 public:
  CsvTarget(const CsvReader& reader, CsvOptions::Target kind);

  void add(const CsvField& field);
  bool has_words() const { return has_words_; }
  void add_word(const CsvField& field);
  /// Decides between labels and dates, which are read as numbers; returns whether they are dates. Throws DataError if
  /// the values are not of the kind that was asked for, or if nothing was asked for and they look like numbers with a
  /// few words, or like identifiers.
  bool decide();
  void add_date(std::int64_t row, const CsvField& field);

  /// Whether the values are numbers so close together that float32 may not distinguish them.
  bool may_be_lossy() const;
  /// Adds a value in double precision.
  void measure(const CsvField& field, Rounding& rounding) const;

  bool is_missing(std::size_t row) const;
  /// float32 or int64 [rows.size()] of these rows, all of which have a target.
  Array take(const std::vector<std::int64_t>& rows);
  /// The names of the classes of take(), sorted: as numbers if all of them are.
  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  [[noreturn]] void refuse(const CsvField& field, NumberStatus status) const;
  void check_labels() const;
  std::vector<std::int64_t> sort_classes();

  const CsvReader& reader_;
  std::int64_t column_;
  CsvOptions::Target kind_;
  bool has_words_, is_label_, is_date_ = false;
  ColumnProfile profile_;
  std::vector<float> numbers_;
  std::vector<std::int32_t> labels_;  // in the order in which the classes occur; -1: missing
  TextMap<std::int32_t> classes_;
  std::vector<std::string> class_names_;
};

}  // namespace perdita::data::detail
