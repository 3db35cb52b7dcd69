#include "cli/csv_options.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "perdita/core/error.hpp"

namespace perdita::cli {

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
