// --header and --separator of the commands that read text.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "perdita/data/csv_format.hpp"

namespace perdita::cli {

void add_csv_options(CLI::App& app, std::string& header, std::string& separator);

/// The format that the two words describe. Throws UsageError that names the option.
data::CsvFormat csv_format(std::string_view header, std::string_view separator);

}  // namespace perdita::cli
