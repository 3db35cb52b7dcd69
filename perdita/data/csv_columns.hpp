// Columns of a CSV table whose types are known: those that a model was trained with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv_format.hpp"
#include "perdita/data/table_column.hpp"

namespace perdita::data {

struct CsvColumns {
  /// float32 [N, columns], NaN where a value is missing. A category that the column does not have is the number of its
  /// categories.
  Array values;
  /// For each column, how many values are such categories, and the first of them.
  struct Unknown {
    std::int64_t count = 0;
    std::string first;
  };
  std::vector<Unknown> unknown;
};

/// Reads the columns with these names from a table with any other columns, in any order; also from a gzip file. A file
/// without a header has columns named by their indices. Throws FileError, and DataError for a column that the table
/// does not have and for a value that is not of the type of its column.
CsvColumns read_csv_columns(const std::filesystem::path& path, const std::vector<TableColumn>& columns,
                            const CsvFormat& format = {});

/// The same for text in memory; `name` is used in messages instead of the file.
CsvColumns parse_csv_columns(std::string_view text, std::string_view name, const std::vector<TableColumn>& columns,
                             const CsvFormat& format = {});

}  // namespace perdita::data
