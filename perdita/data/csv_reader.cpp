#include "perdita/data/csv_reader.hpp"

#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

char separator_of(CsvText& text, const CsvFormat& format, const CsvQuery& query) {
  const char separator = format.separator;
  if (separator == '\0') return detect_separator(text, format.header, query);
  if (separator != ',' && separator != ';' && separator != '\t' && separator != '|')
    fail<ValueError>("read_csv: separator is {} (valid: comma, semicolon, tab, |)", printable({&separator, 1}));
  return separator;
}

}  // namespace

CsvReader::CsvReader(CsvText text, const CsvFormat& format, const CsvQuery& query)
    : text_(std::move(text)),
      separator_(separator_of(text_, format, query)),
      scanner_(text_.next(separator_), separator_, file()),
      first_(scanner_) {
  if (!at_record()) fail<DataError>("read_csv: {}: the file is empty", file());
  layout_ = read_layout(scanner_, file(), format.header, query);
  first_ = scanner_;
}

std::string CsvReader::column_name(std::int64_t column) const {
  if (!layout_.has_header) return fmt::format("column {}", column);
  return fmt::format("column {} {}", column, printable(layout_.names[static_cast<std::size_t>(column)]));
}

bool CsvReader::at_next_piece() {
  while (!scanner_.at_record()) {
    const std::size_t line = scanner_.line();
    const std::string_view piece = text_.next(separator_);
    if (piece.empty()) return false;
    scanner_ = CsvScanner(piece, separator_, file(), line);
  }
  return true;
}

void CsvReader::require_record() {
  if (!at_record()) fail<DataError>("read_csv: {}: no data after the header", file());
}

void CsvReader::refuse(const CsvField& field, std::int64_t column, NumberStatus status, std::string_view valid) const {
  std::string_view what = "the value is not a number";
  if (status == NumberStatus::missing) what = "the value is missing";
  if (status == NumberStatus::not_finite) what = "the value is not finite";
  if (status == NumberStatus::too_large) what = "the value is too large";
  fail<DataError>("read_csv: {}: line {}, {}: {}, got {} (valid: {})", file(), field.line, column_name(column), what,
                  printable(field.text), valid);
}

void CsvReader::wrong_length(CsvField field) {
  const std::size_t line = field.line;
  for (; !field.ends_record; ++fields_) field = scanner_.next();
  fail<DataError>("read_csv: {}: line {} has {} fields (valid: {}, as in the first line)", file(), line, fields_,
                  layout_.columns);
}

}  // namespace perdita::data::detail
