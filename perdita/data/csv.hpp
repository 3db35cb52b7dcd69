// CSV tables with one target column; the other columns are inputs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv_format.hpp"
#include "perdita/data/table_column.hpp"

namespace perdita::data {

/// Columns are selected by a name, or an index from 0 (from the end when negative).
struct CsvOptions {
  using Header = CsvFormat::Header;
  enum class Target { detect, number, label };

  std::string target = "";                   ///< the column to predict; empty: the last
  Header header = Header::detect;            ///< detect: see docs/data-files.md
  Target kind = Target::detect;              ///< detect: numbers if all targets are numbers or dates, labels otherwise
  char separator = '\0';                     ///< ',', ';', '\t' or '|'; '\0': detect comma, semicolon or tab
  std::vector<std::string> columns = {};     ///< the inputs; empty: all other columns
  std::vector<std::string> drop = {};        ///< columns that are not read
  std::vector<std::string> categories = {};  ///< inputs that are categories regardless of their values
};

struct CsvTable {
  Array inputs;   ///< float32 [N, columns], of the types of the columns; NaN where a value is missing
  Array targets;  ///< float32 [N], or int64 [N] for labels: the position in class_names
  std::vector<TableColumn> columns;  ///< of the inputs; without a header their names are their indices
  std::string target_name;
  std::vector<std::string> class_names;  ///< sorted (numerically if all are numbers); empty for a numeric target
  std::vector<std::int64_t> rows;        ///< row of the file of each sample; empty if no row is left out
  std::int64_t rows_without_target = 0;  ///< which are left out
  std::vector<std::string> left_out;     ///< columns that the options did not exclude, each with the reason
  std::vector<std::string> warnings;     ///< columns whose type may not be the intended one, one sentence each
};

/// Reads a table in UTF-8, also compressed with gzip, with any line ends, optional double quotes (RFC 4180), and
/// numbers with a decimal point in any locale. Blank lines are skipped. The types of the columns are inferred from all
/// values. Throws FileError if the file cannot be read, ValueError for invalid options, and DataError that names file,
/// line and column for a number that is not finite, a target that cannot be read, and a line with too few or too many
/// fields.
CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// The same for text in memory; `name` is used in messages instead of the file.
CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options = {});

}  // namespace perdita::data
