#include "perdita/data/csv_header.hpp"

#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

using Kind = CsvQuery::Kind;

/// How many of the records after the first are compared with it.
constexpr int most_compared = 100;

bool is_number(std::string_view text) {
  double ignored;
  const NumberStatus status = parse_number(text, ignored);
  return status != NumberStatus::not_a_number && status != NumberStatus::missing;
}

bool is_missing(std::string_view text) {
  double ignored;
  return parse_number(text, ignored) == NumberStatus::missing;
}

/// The fields of the first record that may be names of inputs.
struct FirstRecord {
  std::int64_t numbers = 0, missing = 0;
  std::optional<CsvField> word, empty;  // the first of them
  bool begins_empty = false;
};

FirstRecord read_first(CsvScanner scanner, const CsvQuery& query, std::int64_t columns) {
  const bool trains = query.kind == Kind::inputs_and_target;
  const std::int64_t wanted = index_of(query.column, columns).value_or(trains ? columns - 1 : -1);
  FirstRecord first;
  for (std::int64_t at = 0; at < columns; ++at) {
    const CsvField field = scanner.next();
    if (trains && at == wanted) continue;
    if (field.text.empty()) {
      first.begins_empty |= at == 0;
      first.empty = field;
    } else if (is_missing(field.text) && at != wanted) {
      ++first.missing;
    } else if (is_missing(field.text) || is_number(field.text)) {
      ++first.numbers;
    } else if (!first.word) {
      first.word = field;
    }
  }
  return first;
}

/// What the next records show about the words of the first.
struct Comparison {
  bool has_names = false;     ///< a word is above numbers only
  bool has_values = false;    ///< a word occurs again in its column
  bool quotes_names = false;  ///< numbers are in quotes and above numbers without quotes, as R writes names
};

Comparison compare_with_next(CsvScanner scanner, std::int64_t columns, const std::string& target) {
  struct Column {
    CsvField first;
    bool has_numbers = false, has_words = false, has_quotes = false;
    bool begins_with_number() const { return is_number(first.text); }
    bool begins_with_word() const { return !is_missing(first.text) && !begins_with_number(); }
  };
  std::vector<Column> all(static_cast<std::size_t>(columns));
  for (Column& column : all) column.first = scanner.next();
  const std::int64_t wanted = index_of(target, columns).value_or(columns - 1);
  Comparison found;
  for (int record = 0; record < most_compared && scanner.at_record(); ++record) {
    for (Column& column : all) {
      const CsvField field = scanner.next();
      if (field.ends_record != (&column == &all.back())) return found;  // refused later, with its line
      if (is_missing(field.text)) continue;
      (is_number(field.text) ? column.has_numbers : column.has_words) = true;
      column.has_quotes |= field.quoted;
      found.has_values |= column.begins_with_word() && field.text == column.first.text;
    }
  }
  found.quotes_names = true;
  for (const Column& column : all) {
    if (column.begins_with_number())
      found.quotes_names &= column.first.quoted && column.has_numbers && !column.has_words && !column.has_quotes;
    if (&column == &all[static_cast<std::size_t>(wanted)]) continue;
    found.has_names |= column.begins_with_word() && column.has_numbers && !column.has_words;
  }
  return found;
}

}  // namespace

std::optional<std::int64_t> index_of(std::string_view column, std::int64_t columns) {
  const auto index = parse_index(column);
  if (!index || *index < -columns || *index >= columns) return std::nullopt;
  return *index < 0 ? *index + columns : *index;
}

bool is_header(const CsvScanner& scanner, std::string_view file, const CsvQuery& query, std::int64_t columns) {
  const FirstRecord first = read_first(scanner, query, columns);
  // NA may also be a name: among words alone it is taken for one.
  const bool is_data = first.numbers > 0 || (first.missing > 0 && !first.word);
  const bool trains = query.kind == Kind::inputs_and_target;
  // A table for training may have missing values, but the index of pandas has no name either.
  const bool has_empty = trains && first.numbers > 0 ? first.begins_empty : first.empty.has_value();
  const bool is_mixed = is_data && (first.word || has_empty);
  if (trains && (first.word || is_mixed)) {
    const Comparison next = compare_with_next(scanner, columns, query.column);
    if (is_mixed && first.numbers > 0 && next.quotes_names) return true;
    if (next.has_values && !next.has_names) return false;
  }
  if (is_mixed) {
    fail<DataError>(
        "read_csv: {}: line {} has numbers and words, and may be a header or data, got {} (valid: set header to yes or "
        "no; to_csv of pandas with index=False)",
        file, (first.word ? first.word : first.empty)->line, printable((first.word ? first.word : first.empty)->text));
  }
  return !is_data;
}

bool is_shorter_header(CsvScanner scanner, std::int64_t columns) {
  for (bool ends = false; !ends;) {
    const CsvField field = scanner.next();
    if (is_number(field.text)) return false;
    ends = field.ends_record;
  }
  bool has_last = false;  // lines may also end with a separator
  int records = 0;
  for (; records < most_compared && scanner.at_record(); ++records) {
    CsvField field = scanner.next();
    std::int64_t fields = 1;
    for (; !field.ends_record && fields <= columns; ++fields) field = scanner.next();
    if (!field.ends_record || fields != columns + 1) return false;
    has_last |= !field.text.empty();
  }
  return records > 0 && has_last;
}

}  // namespace perdita::data::detail
