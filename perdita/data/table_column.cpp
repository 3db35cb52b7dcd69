#include "perdita/data/table_column.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"

namespace perdita::data {

namespace {

constexpr std::array<std::string_view, 4> names{"number", "boolean", "date", "category"};

}  // namespace

std::string_view name_of(ColumnKind kind) { return names[static_cast<std::size_t>(kind)]; }

ColumnKind parse_column_kind(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) fail<ValueError>("kind is '{}' (valid: {})", name, fmt::join(names, ", "));
  return static_cast<ColumnKind>(found - names.begin());
}

}  // namespace perdita::data
