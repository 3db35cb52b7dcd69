#include "perdita/train/table_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace perdita::train {

namespace {

using data::ColumnKind;

std::int64_t count_missing(const data::Dataset& table, std::size_t column) {
  const std::int64_t columns = table.inputs.shape[1];
  const float* const values = table.inputs.data<float>() + column;
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < table.size(); ++row) count += std::isnan(values[row * columns]);
  return count;
}

/// "city (3)", with the number of categories that have an input and the number that the table has.
std::string describe_category(const EncodedColumn& encoded, std::size_t in_table) {
  const std::string& name = encoded.column.name;
  if (!encoded.merges_rare) return fmt::format("{} ({})", name, encoded.column.categories.size());
  return fmt::format("{} (the {} most frequent of {})", name, encoded.column.categories.size(), in_table);
}

}  // namespace

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

std::vector<std::string> describe_columns(const data::Dataset& table, const TableEncoding& encoding) {
  std::vector<std::string> lines;
  if (encoding.is_empty()) return lines;
  for (const auto& [kind, plural] :
       {std::pair{ColumnKind::number, "numbers"}, std::pair{ColumnKind::boolean, "booleans"},
        std::pair{ColumnKind::date, "dates"}, std::pair{ColumnKind::category, "categories"}}) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const EncodedColumn& encoded = encoding.columns()[i];
      if (encoded.column.kind != kind) continue;
      names.push_back(kind == ColumnKind::category ? describe_category(encoded, table.columns[i].categories.size())
                                                   : encoded.column.name);
    }
    if (!names.empty())
      lines.push_back(
          fmt::format("{} {}: {}", names.size(), names.size() == 1 ? name_of(kind) : plural, listed(names)));
  }
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (const std::int64_t count = count_missing(table, i); count > 0)
      missing.push_back(fmt::format("{} ({})", table.columns[i].name, count));
  }
  if (!missing.empty()) lines.push_back(fmt::format("missing values: {}", listed(missing)));
  return lines;
}

}  // namespace perdita::train
