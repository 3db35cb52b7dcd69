#include "perdita/data/csv_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/csv_field_parser.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/gzip.hpp"

namespace perdita::data {

namespace {

using detail::CsvField;
using detail::CsvLayout;
using detail::CsvQuery;
using detail::CsvReader;

bool has_names(const std::vector<TableColumn>& columns) {
  return std::ranges::any_of(columns, [](const TableColumn& column) { return !detail::parse_index(column.name); });
}

/// Where the columns are in the file.
std::vector<std::int64_t> places_of(const CsvReader& reader, const std::vector<TableColumn>& columns) {
  CsvLayout layout = reader.layout();
  for (std::string& name : layout.names) name = detail::to_utf8(std::move(name));
  std::vector<std::int64_t> places;
  for (const TableColumn& column : columns)
    places.push_back(detail::find_column(layout, reader.file(), column.name, true));
  return places;
}

std::string_view valid_for(ColumnKind kind) {
  if (kind == ColumnKind::boolean) return "true or false, yes or no, t or f, y or n";
  return kind == ColumnKind::date ? "a date such as 2020-01-31" : "a finite number such as -1.5 or 2e3";
}

class ColumnsReader {
 public:
  ColumnsReader(std::string_view text, std::string_view file, const std::vector<TableColumn>& columns, CsvFormat format)
      : columns_(columns),
        reader_(detail::CsvText(text, std::string(file)), adapted(format, columns),
                {.kind = CsvQuery::Kind::table, .column = {}, .by_name = has_names(columns)}) {
    reader_.require_record();
    const std::vector<std::int64_t> places = places_of(reader_, columns);
    at_.resize(static_cast<std::size_t>(reader_.layout().columns));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      at_[static_cast<std::size_t>(places[i])].push_back(i);
      parsers_.emplace_back(columns[i]);
    }
    result_.unknown.resize(columns.size());
  }

  CsvColumns read() {
    std::vector<float> values;
    std::int64_t rows = 0;
    for (; reader_.at_record(); ++rows) {
      values.resize(values.size() + columns_.size());
      float* const row = values.data() + values.size() - columns_.size();
      for (std::size_t place = 0; place < at_.size(); ++place) {
        const CsvField field = reader_.next();
        for (std::size_t column : at_[place]) row[column] = value_of(column, field, static_cast<std::int64_t>(place));
      }
    }
    result_.values = Array::empty({rows, std::ssize(columns_)}, DType::float32);
    std::ranges::copy(values, result_.values.data<float>());
    return std::move(result_);
  }

 private:
  /// Columns that are named by indices come from a file without a header.
  static CsvFormat adapted(CsvFormat format, const std::vector<TableColumn>& columns) {
    if (format.header == CsvFormat::Header::detect && !has_names(columns)) format.header = CsvFormat::Header::no;
    return format;
  }

  float value_of(std::size_t column, const CsvField& field, std::int64_t place) {
    if (const auto value = parsers_[column].parse(field)) return *value;
    const TableColumn& type = columns_[column];
    if (type.kind != ColumnKind::category) {
      fail<DataError>("read_csv: {}: line {}, {}: the value is not a {}, got {} (valid: {}, or a missing value)",
                      reader_.file(), field.line, reader_.column_name(place), name_of(type.kind),
                      detail::printable(field.text), valid_for(type.kind));
    }
    CsvColumns::Unknown& unknown = result_.unknown[column];
    if (unknown.count++ == 0) unknown.first = detail::to_utf8(field.value());
    return static_cast<float>(type.categories.size());
  }

  const std::vector<TableColumn>& columns_;
  CsvReader reader_;
  std::vector<std::vector<std::size_t>> at_;  // the columns that are read from each place of a line
  std::vector<detail::FieldParser> parsers_;
  CsvColumns result_;
};

}  // namespace

CsvColumns parse_csv_columns(std::string_view text, std::string_view name, const std::vector<TableColumn>& columns,
                             const CsvFormat& format) {
  return ColumnsReader(text, name, columns, format).read();
}

CsvColumns read_csv_columns(const std::filesystem::path& path, const std::vector<TableColumn>& columns,
                            const CsvFormat& format) {
  const std::string content = read_file(path);
  if (!detail::is_gzip(content)) return parse_csv_columns(content, path.string(), columns, format);
  return parse_csv_columns(detail::read_gzip_text(content, "read_csv", path.string()), path.string(), columns, format);
}

}  // namespace perdita::data
