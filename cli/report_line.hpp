// The last lines of a command that writes a report.
#pragma once

#include <filesystem>

namespace perdita::cli {

/// Where the report of `folder` is and, where PNGs were wanted and there are none, why.
void print_report(const std::filesystem::path& folder, bool wants_png);

}  // namespace perdita::cli
