// The values of a column of a CSV table, whose type is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "perdita/data/csv_scanner.hpp"
#include "perdita/data/table_column.hpp"

namespace perdita::data::detail {

/// Looks up std::string keys by std::string_view without a copy.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// The words of one pair: true and false, yes and no, t and f, y and n, in upper or lower case.
struct BooleanWord {
  int pair = 0;  ///< index of the pair
  bool value = false;
};
std::optional<BooleanWord> parse_boolean(std::string_view text);

/// Whether the text marks a missing value: it is empty, NaN, NA, null, ?, ...
bool is_missing_marker(std::string_view text);

/// The number or date in a field, in double precision; nothing if it is missing or something else.
std::optional<double> parse_double(ColumnKind kind, std::string_view text);

/// The text; if it is not UTF-8, it is read as Latin-1.
std::string to_utf8(std::string text);

class FieldParser {
 public:
  /// `column` must outlive this object.
  explicit FieldParser(const TableColumn& column);

  /// The value, minus the offset of the column, or NaN if it is missing. Nothing for a text that is not a value of this
  /// kind: a word among numbers, a category that is not in the column, a number that is not finite in float32.
  std::optional<float> parse(const CsvField& field) const;

 private:
  std::optional<float> parse_number_field(std::string_view text) const;

  const TableColumn& column_;
  TextMap<std::int32_t> categories_;
};

}  // namespace perdita::data::detail
