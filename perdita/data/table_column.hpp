// TableColumn: the name and the type of a column of a table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::data {

/// Type of the values of a column.
enum class ColumnKind {
  number,
  boolean,   ///< 0 or 1
  date,      ///< days since 1970-01-01
  category,  ///< index into the names of the categories
};

/// "number", "boolean", "date", "category".
std::string_view name_of(ColumnKind kind);
/// Throws ValueError that lists the valid names.
ColumnKind parse_column_kind(std::string_view name);

struct TableColumn {
  std::string name;
  ColumnKind kind = ColumnKind::number;
  std::vector<std::string> categories = {};  ///< sorted; empty for other kinds
  /// Subtracted from numbers and dates whose differences float32 could not represent otherwise.
  double offset = 0;

  bool operator==(const TableColumn&) const = default;
};

}  // namespace perdita::data
