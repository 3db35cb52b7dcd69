// --class-names of the commands that read predictions.
#pragma once

#include <string>
#include <vector>

namespace perdita::cli {

/// The names of a comma-separated list, or of a file with one name per line. Throws FileError.
std::vector<std::string> class_names_of(const std::string& given);

}  // namespace perdita::cli
