#include "cli/csv_options.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "perdita/core/error.hpp"

namespace perdita::cli {

void add_csv_options(CLI::App& app, std::string& header, std::string& separator) {
  app.add_option("--header", header,
                 "CSV: whether the first line contains column names: yes, no or detect (default: detect)")
      ->type_name("H");
  app.add_option("--separator", separator, "CSV: column separator: comma, semicolon, tab or detect (default: detect)")
      ->type_name("S");
}

data::CsvFormat csv_format(std::string_view header, std::string_view separator) {
  const char* option = "--header";
  try {
    data::CsvFormat format{.header = data::parse_csv_header(header)};
    option = "--separator";
    format.separator = data::parse_csv_separator(separator);
    return format;
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("{}: {}", option, error.what()));
  }
}

}  // namespace perdita::cli
