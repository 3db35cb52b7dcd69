// The reference pages: one of each loss, with a picture, and an index.
#pragma once

#include <filesystem>

namespace perdita::cli {

/// Writes NAME.md and NAME.svg for every loss, and README.md, into `folder`. Throws FileError.
void write_reference(const std::filesystem::path& folder);

}  // namespace perdita::cli
