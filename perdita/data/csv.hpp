// CSV tables with numbers to learn from and one column to predict.
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
  Header header = Header::detect;  ///< detect: the first line is one when none of its inputs is a number
  Target kind = Target::detect;    ///< detect: by the first target
  char separator = '\0';           ///< ',', ';', '\t' or '|'; '\0': detect comma, semicolon or tab
};

struct CsvTable {
  Array inputs;   ///< float32 [N, columns - 1]
  Array targets;  ///< float32 [N], or int64 [N] for labels: the position in class_names
  std::vector<std::string> input_names;
  std::string target_name;
  std::vector<std::string> class_names;  ///< sorted (as numbers where all are numbers); empty for a numeric target
};

/// Reads a table: UTF-8, any line ends, fields in double quotes where needed (RFC 4180), numbers with a decimal point
/// in any locale. Blank lines are skipped. Throws FileError when it cannot be read, DataError that names file, line and
/// column for a value that is missing, not a number or not finite, and for a line with too few or too many fields;
/// ValueError for options that fit no file.
CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// The same from text in memory; `name` stands for the file in messages.
CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options = {});

}  // namespace perdita::data
