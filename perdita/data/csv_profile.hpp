// The type of a column of a CSV table, inferred from its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "perdita/data/csv_field_parser.hpp"
#include "perdita/data/csv_reader.hpp"

namespace perdita::data::detail {

/// Statistics of the fields of a column that are not all numbers.
class ColumnProfile {
 public:
  /// most_categories: more different values than this are not counted, which bounds the memory.
  explicit ColumnProfile(std::size_t most_categories) : most_categories_(most_categories) {}

  void add(const CsvField& field);

  std::int64_t present() const { return present_; }
  std::int64_t numbers() const { return numbers_; }
  /// The number of different values, up to most_categories + 1.
  std::size_t distinct() const { return is_overfull_ ? most_categories_ + 1 : values_.size(); }
  bool is_overfull() const { return is_overfull_; }
  /// Whether the values are numbers, some of which have a decimal comma.
  bool has_decimal_commas() const { return decimal_commas_ > 0 && numbers_ + decimal_commas_ == present_; }
  /// The first value that is neither a number nor missing.
  const std::optional<CsvField>& first_word() const { return first_word_; }

  /// The kind of all values that are present: boolean and date if all of them are, category otherwise.
  ColumnKind kind() const;
  /// Whether there are as many different values as identifiers and free text have: more than half the number of rows.
  bool is_identifier(std::size_t least) const;
  /// Whether the column looks like numbers with a few other words: 90 % are numbers, of more than ten values.
  bool is_mostly_numbers() const { return 10 * numbers_ >= 9 * present_ && distinct() > 11; }
  /// The different values, sorted.
  std::vector<std::string> categories() const;

 private:
  std::size_t most_categories_;
  std::int64_t present_ = 0, numbers_ = 0, decimal_commas_ = 0;
  unsigned boolean_pairs_ = ~0u;  // bit p: all values are words of pair p
  bool are_dates_ = true, is_overfull_ = false;
  std::optional<CsvField> first_word_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> values_;
};

/// Throws DataError that says how to convert the file.
[[noreturn]] void refuse_decimal_comma(const CsvReader& reader, std::int64_t column, const CsvField& field);

}  // namespace perdita::data::detail
