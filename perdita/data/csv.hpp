// CSV tables with numeric inputs and one target column.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv_format.hpp"

namespace perdita::data {

struct CsvOptions {
  using Header = CsvFormat::Header;
  enum class Target { detect, number, label };

  /// The column to predict: a name, or an index from 0 (from the end when negative). Empty: the last.
  std::string target = "";
  Header header = Header::detect;  ///< detect: the first line is a header if none of its inputs is a number
  Target kind = Target::detect;    ///< detect: by the first target
  char separator = '\0';           ///< ',', ';', '\t' or '|'; '\0': detect comma, semicolon or tab
};

struct CsvTable {
  Array inputs;   ///< float32 [N, columns - 1]
  Array targets;  ///< float32 [N], or int64 [N] for labels: the position in class_names
  std::vector<std::string> input_names;
  std::string target_name;
  std::vector<std::string> class_names;  ///< sorted (numerically if all are numbers); empty for a numeric target
};

/// Reads a table in UTF-8, with any line ends, optional double quotes (RFC 4180), and numbers with a decimal point in
/// any locale. Blank lines are skipped. Throws FileError if the file cannot be read, ValueError for invalid options,
/// and DataError that names file, line and column for a value that is missing, not a number or not finite, and for a
/// line with too few or too many fields.
CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// The same for text in memory; `name` is used in messages instead of the file.
CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options = {});

}  // namespace perdita::data
