#include "perdita/diagnose/log_table.hpp"

#include <algorithm>
#include <map>

#include "perdita/core/error.hpp"
#include "perdita/data/csv_scanner.hpp"
#include "perdita/data/csv_text.hpp"

namespace perdita::diagnose {

std::size_t LogTable::column(std::string_view name) {
  const auto found = std::ranges::find(columns, name);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  columns.emplace_back(name);
  return columns.size() - 1;
}

void LogTable::number_rows_by_step() {
  std::map<double, std::int64_t> rows;
  for (const LogValue& value : values) rows.emplace(value.step, 0);
  std::int64_t next = 0;
  for (auto& [step, row] : rows) row = next++;
  for (LogValue& value : values) value.row = rows[value.step];
  std::ranges::stable_sort(values, {}, &LogValue::row);
}

LogTable read_csv_log(const std::filesystem::path& path, std::string_view text) {
  using data::detail::CsvScanner;
  const std::string_view first = text.substr(0, text.find('\n'));
  const char separator = first.find('\t') != first.npos ? '\t' : first.find(';') != first.npos ? ';' : ',';
  const std::string name = path.string();
  const data::detail::CsvText checked(text, name);  // refuses binary data
  CsvScanner scanner(checked.loaded(), separator, name);
  LogTable table{.path = path, .format = "CSV", .columns = {}, .values = {}};
  if (!scanner.at_record()) fail<DataError>("{}: the file is empty (valid: a header and rows of numbers)", name);
  for (bool more = true; more;) {
    const auto field = scanner.next();
    table.columns.push_back(field.value());
    more = !field.ends_record;
  }
  for (std::int64_t row = 0; scanner.at_record(); ++row) {
    std::size_t column = 0;
    for (bool more = true; more; ++column) {
      const auto field = scanner.next();
      more = !field.ends_record;
      double number = 0;
      const auto status = data::detail::parse_number(field.text, number);
      const bool is_word = status == data::detail::NumberStatus::not_a_number || field.text.empty();
      if (is_word || column >= table.columns.size()) continue;
      if (status == data::detail::NumberStatus::missing) number = LogValue::unknown;  // nan
      if (status == data::detail::NumberStatus::not_finite) {
        number = field.text.starts_with('-') ? -std::numeric_limits<double>::infinity()
                                             : std::numeric_limits<double>::infinity();
      }
      table.values.push_back({.column = column, .row = row, .value = number});
    }
  }
  return table;
}

}  // namespace perdita::diagnose
