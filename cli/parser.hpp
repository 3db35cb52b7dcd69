// CLI11 with our manners: errors as UsageError, misspelt options with the nearest one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace perdita::cli {

/// Parses. True: go on. False: --help was asked for, and printed. Throws UsageError.
bool parse(CLI::App& app, const std::vector<std::string>& arguments);

/// The words, where a formula that begins with a minus sign is not an option.
std::vector<std::string> with_signs(std::vector<std::string> words);

}  // namespace perdita::cli
