#include "perdita/data/csv_layout.hpp"

#include <algorithm>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/csv_header.hpp"

namespace perdita::data::detail {

namespace {

using Header = CsvFormat::Header;
using Kind = CsvQuery::Kind;

std::int64_t count_fields(CsvScanner scanner, std::string_view file, const CsvQuery& query) {
  const std::size_t line = scanner.line();
  for (std::int64_t fields = 0;; ++fields) {
    if (fields == query.most_columns)
      fail<DataError>("read_csv: {}: line {} has more than {} fields", file, line, query.most_columns);
    if (scanner.next().ends_record) return fields + 1;
  }
}

std::string valid_columns(const CsvLayout& layout) {
  std::string valid = fmt::format("{}..{}", -layout.columns, layout.columns - 1);
  const std::size_t shown = std::min<std::size_t>(layout.names.size(), 20);
  for (std::size_t i = 0; i < shown; ++i) valid += ", " + printable(layout.names[i]);
  if (shown < layout.names.size()) valid += ", ...";
  return valid;
}

/// The column that is asked for, where one is; for labels and targets, where none is, the only or the last one.
std::int64_t find_queried_column(const CsvLayout& layout, std::string_view file, const CsvQuery& query,
                                 bool is_certain) {
  if (!query.column.empty()) return find_column(layout, file, query.column, is_certain);
  if (query.kind == Kind::numbers || query.kind == Kind::table) return -1;
  if (query.kind == Kind::labels && layout.columns > 1)
    fail<DataError>("read_csv: {}: the file has {} columns, select one (valid: FILE:COLUMN with {})", file,
                    layout.columns, valid_columns(layout));
  return layout.columns - 1;
}

/// How many of the lines after the first are looked at to detect the separator.
constexpr int most_sampled = 100;

enum class Fit { no, unknown, words, yes };

/// Whether the text that is loaded is a table with this separator; unknown where no line of data is complete, and words
/// where columns of training contain words.
Fit fit_of(const CsvText& text, char separator, Header header, const CsvQuery& query) {
  const std::string_view all = text.loaded();
  CsvScanner scanner(text.is_all_loaded() ? all : all.substr(0, complete_records(all, separator)), separator,
                     text.name());
  try {
    if (!scanner.at_record()) return Fit::unknown;
    bool has_words = false;
    const CsvLayout layout = read_layout(scanner, text.name(), header, query);
    int sampled = query.kind == Kind::labels;  // the first line may be data
    for (; sampled < most_sampled && scanner.at_record(); ++sampled) {
      for (std::int64_t at = 0; at < layout.columns; ++at) {
        const CsvField field = scanner.next();
        double ignored;
        if (field.ends_record != (at + 1 == layout.columns)) return Fit::no;
        if (!layout.holds_numbers(query.kind, at)) continue;
        const bool is_word = parse_number(field.text, ignored) == NumberStatus::not_a_number;
        if (!may_have_words(query.kind) && (is_word || field.text.empty())) return Fit::no;
        has_words |= is_word;
      }
    }
    if (sampled == 0) return Fit::unknown;
    return has_words ? Fit::words : Fit::yes;
  } catch (const DataError&) {
    return Fit::no;
  }
}

/// The separators to try, in this order: tab and semicolon where the first line that is not blank has them outside of
/// quotes, and comma. Tabs that are all next to another separator come last, because they may be spaces.
std::string find_separators(std::string_view text) {
  bool has_semicolon = false, has_padding = false, has_tab = false, is_quoted = false, is_blank = true;
  bool is_after_tab = false, is_after_separator = false;
  for (char c : text) {
    if (c == '"') is_quoted = !is_quoted;
    if (c == ' ' || (is_quoted && c != '"')) continue;
    const bool is_line_end = c == '\n' || c == '\r', is_separator = c == ',' || c == ';';
    if (c == '\t') {
      has_padding = true;
      is_after_tab = !is_after_separator;
    } else {
      has_tab |= is_after_tab && !is_separator;
      is_after_tab = false;
      is_after_separator = is_separator;
    }
    has_semicolon |= c == ';';
    if (is_line_end && !is_blank) break;
    is_blank &= is_line_end;
  }
  has_tab |= is_after_tab;
  std::string found;
  if (has_tab) found.push_back('\t');
  if (has_semicolon) found.push_back(';');
  found.push_back(',');
  if (has_padding && !has_tab) found.push_back('\t');
  return found;
}

}  // namespace

std::int64_t find_column(const CsvLayout& layout, std::string_view file, std::string_view column, bool is_certain) {
  const auto& names = layout.names;
  const auto found = std::ranges::find(names, column);
  if (found != names.end() && (is_certain || !index_of(column, layout.columns))) {
    if (std::find(found + 1, names.end(), column) != names.end())
      fail<DataError>("read_csv: {}: two columns are named {} (valid: an index, {}..{})", file, printable(column),
                      -layout.columns, layout.columns - 1);
    return found - names.begin();
  }
  if (const auto index = index_of(column, layout.columns)) return *index;
  fail<DataError>("read_csv: {}: column {} does not exist (valid: {})", file, printable(column), valid_columns(layout));
}

bool CsvLayout::holds_numbers(CsvQuery::Kind kind, std::int64_t at) const {
  if (kind == Kind::labels) return false;
  return kind == Kind::inputs_and_target ? at != column : column < 0 || at == column;
}

CsvLayout read_layout(CsvScanner& scanner, std::string_view file, Header header, const CsvQuery& query) {
  CsvLayout layout;
  layout.columns = count_fields(scanner, file, query);
  if (query.kind == Kind::inputs_and_target && layout.columns < 2) {
    fail<DataError>(
        "read_csv: {}: line {} has one field (valid: at least 2, the inputs and a target, separated by comma, "
        "semicolon or tab)",
        file, scanner.line());
  }
  layout.by_name = query.by_name || (!query.column.empty() && !parse_index(query.column));
  const bool has_row_names =
      may_have_words(query.kind) && header != Header::no && is_shorter_header(scanner, layout.columns);
  layout.has_header = header == Header::yes ||
                      (header == Header::detect && (layout.by_name || query.kind == Kind::labels || has_row_names ||
                                                    is_header(scanner, file, query, layout.columns)));
  if (layout.has_header) {
    layout.names.reserve(static_cast<std::size_t>(layout.columns) + 1);
    if (has_row_names) layout.names.emplace_back();
    while (std::ssize(layout.names) < layout.columns + has_row_names) layout.names.push_back(scanner.next().value());
    layout.columns += has_row_names;
  }
  layout.column = find_queried_column(layout, file, query, header == Header::yes || query.kind != Kind::labels);
  return layout;
}

char detect_separator(CsvText& text, Header header, CsvQuery query) {
  if (query.kind == Kind::labels && query.column.empty()) query.column.assign(1, '0');  // any will do
  while (text.loaded().empty() && !text.is_all_loaded()) text.load();
  const std::string found = find_separators(text.loaded());
  if (found.size() == 1) return found[0];
  for (;;) {
    bool is_unknown = false;
    char of_words = '\0';
    for (char separator : found) {
      const Fit fit = fit_of(text, separator, header, query);
      if (fit == Fit::yes) return separator;
      if (fit == Fit::words && of_words == '\0') of_words = separator;
      is_unknown |= fit == Fit::unknown;
      if (fit == Fit::unknown && !text.is_all_loaded()) break;  // more text may show that this is the one
    }
    if (of_words != '\0') return of_words;
    if (!is_unknown || text.is_all_loaded() || text.loaded().size() > most_record_bytes) return found[0];
    text.load();
  }
}

}  // namespace perdita::data::detail
