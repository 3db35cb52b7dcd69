// The columns of a CSV table: separator, header, and the column that is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/data/csv_format.hpp"
#include "perdita/data/csv_scanner.hpp"
#include "perdita/data/csv_text.hpp"

namespace perdita::data::detail {

/// What is read from a table.
struct CsvQuery {
  enum class Kind {
    numbers,            ///< `column` as numbers, or all columns where it is empty
    inputs_and_target,  ///< all columns, of which `column`, or the last where it is empty, is the target
    table,              ///< all columns
    labels,  ///< `column` as words, or the only one where it is empty; the header is for the caller to detect
  };
  Kind kind = Kind::numbers;
  std::string column;    ///< a name, or an index from 0, from the end when negative; a name comes first
  bool by_name = false;  ///< other columns are selected by names, so that there is a header
  std::int64_t most_columns = std::int64_t{1} << 20;  ///< bounds the memory that a small file takes
};

struct CsvLayout {
  std::int64_t columns = 0;
  bool has_header = false;         ///< of labels: the first line is a header, or may be one
  bool by_name = false;            ///< a column is asked for by a name that is not an integer
  std::vector<std::string> names;  ///< empty without a header
  std::int64_t column = -1;        ///< the one that is asked for; -1: all

  /// Whether a column is read as numbers.
  bool holds_numbers(CsvQuery::Kind kind, std::int64_t at) const;
};

/// Reads the first record, and leaves the scanner at the first record of data. Throws DataError for a column that is
/// not there, a name that two columns have, too few or too many columns, and a first line that may be a header or data.
CsvLayout read_layout(CsvScanner& scanner, std::string_view file, CsvFormat::Header header, const CsvQuery& query);

/// The index of a column, given as a name or an index. A name comes before an index if it is certain that there is a
/// header. Throws DataError for a column that is not there, and for a name that two columns have.
std::int64_t find_column(const CsvLayout& layout, std::string_view file, std::string_view column, bool is_certain);

/// Whether columns may have words.
inline bool may_have_words(CsvQuery::Kind kind) {
  return kind == CsvQuery::Kind::inputs_and_target || kind == CsvQuery::Kind::table;
}

/// The separator of the text, which is not loaded further than this takes: tab, semicolon or comma, the first of them
/// that is in the first line and with which the next lines have as many fields, and numbers where they are asked for. A
/// table for training may have words; a separator with which all inputs are numbers is preferred.
char detect_separator(CsvText& text, CsvFormat::Header header, CsvQuery query);

}  // namespace perdita::data::detail
