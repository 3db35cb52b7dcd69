// The columns of a CSV table that are inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/data/csv.hpp"
#include "perdita/data/csv_reader.hpp"

namespace perdita::data::detail {

struct CsvSelection {
  std::vector<std::int64_t> inputs;      ///< indices of the columns, ascending
  std::vector<std::int64_t> categories;  ///< those of them that the options read as categories
  bool leaves_index_out = false;         ///< the first column has no name, as the row names of R and pandas
  bool has_only_index = false;           ///< that column is the only input
};

/// Whether one of the options names a column by something that is not an index.
bool selects_by_name(const CsvOptions& options);

/// All columns but the target, or the option `columns`, without `drop`, and without a first column that has no name
/// unless it is the only input.
/// Throws DataError for a column that does not exist, for options that contradict each other, and if no input is left.
CsvSelection select_columns(const CsvReader& reader, const CsvOptions& options);

}  // namespace perdita::data::detail
