// The input columns of a CSV table: types inferred from the values, and the values as float32.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv.hpp"
#include "perdita/data/csv_profile.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/csv_selection.hpp"
#include "perdita/data/precision.hpp"

namespace perdita::data::detail {

/// Reads columns that do not contain only numbers again. For all fields of the table, in this order: add(); if
/// has_words(), add_word(), and then decide(); if must_measure(), measure(), and then set_offsets(); if must_encode(),
/// encode().
class CsvInputs {
 public:
  /// most_rows: more rows than this are not added.
  CsvInputs(const CsvReader& reader, const CsvSelection& selection, std::int64_t most_rows);

  std::size_t width() const { return columns_.size(); }

  void add(std::int64_t row, std::size_t input, const CsvField& field);
  bool has_words() const { return has_words_; }
  void add_word(std::size_t input, const CsvField& field) {
    if (profiles_[input]) profiles_[input]->add(field);
  }
  void decide();

  /// Looks for columns of `rows` rows whose values float32 may not distinguish, and columns without values.
  bool must_measure(std::int64_t rows);
  void measure(std::size_t input, const CsvField& field) {
    if (!roundings_[input]) return;
    if (const auto value = parse_double(columns_[input].kind, field.text)) roundings_[input]->add(*value);
  }
  void set_offsets();

  bool must_encode();
  void encode(std::int64_t row, std::size_t input, const CsvField& field);

  /// Moves these rows of the columns that are not left out to `table`, with the columns, what is left out, and
  /// warnings. Throws DataError if no column is left.
  void take(const std::vector<std::int64_t>& rows, CsvTable& table);

 private:
  void decide(std::size_t input, const ColumnProfile& profile);
  void suspect_word(std::size_t input, const ColumnProfile& profile);
  void leave_out(std::size_t input, std::string_view reason);
  float& value(std::int64_t row, std::size_t input) {
    return values_.data<float>()[row * static_cast<std::int64_t>(width()) + static_cast<std::int64_t>(input)];
  }
  std::string column_name(std::size_t input) const { return reader_.column_name(selection_.inputs[input]); }

  const CsvReader& reader_;
  const CsvSelection& selection_;
  std::vector<TableColumn> columns_;
  std::vector<bool> is_asked_, is_left_out_;  // for each column: a category by option, not an input
  Array values_;
  bool has_words_ = false;
  // One for each column that needs it, null for others.
  std::vector<std::unique_ptr<ColumnProfile>> profiles_;
  std::vector<std::unique_ptr<Rounding>> roundings_;
  std::vector<std::unique_ptr<FieldParser>> parsers_;
  std::vector<std::string> left_out_, warnings_;
};

}  // namespace perdita::data::detail
