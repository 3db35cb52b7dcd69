// CLI11 with our manners: errors as UsageError, misspelt options with the nearest one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace perdita::cli {

/// Parses. True: go on. False: --help was asked for, and printed. Throws UsageError.
bool parse(CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace perdita::cli
