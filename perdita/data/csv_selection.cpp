#include "perdita/data/csv_selection.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "perdita/core/error.hpp"

namespace perdita::data::detail {

namespace {

using Columns = std::set<std::int64_t>;

Columns find_all(const CsvReader& reader, const std::vector<std::string>& wanted) {
  Columns found;
  for (const std::string& column : wanted) found.insert(find_column(reader.layout(), reader.file(), column, true));
  return found;
}

/// As R and pandas write the names of the rows: a column without a name before columns with names.
bool has_row_names(const CsvLayout& layout) {
  const auto is_named = [](const std::string& name) { return !name.empty(); };
  return layout.has_header && layout.names[0].empty() &&
         std::all_of(layout.names.begin() + 1, layout.names.end(), is_named);
}

void refuse_contradiction(const CsvReader& reader, std::string_view option, std::int64_t column, std::string_view what,
                          std::string_view valid) {
  fail<DataError>("read_csv: {}: {}: {} {} (valid: {})", reader.file(), option, reader.column_name(column), what,
                  valid);
}

}  // namespace

bool selects_by_name(const CsvOptions& options) {
  for (const auto* list : {&options.columns, &options.drop, &options.categories}) {
    if (std::ranges::any_of(*list, [](const std::string& column) { return !parse_index(column); })) return true;
  }
  return false;
}

CsvSelection select_columns(const CsvReader& reader, const CsvOptions& options) {
  const CsvLayout& layout = reader.layout();
  const Columns columns = find_all(reader, options.columns), drop = find_all(reader, options.drop),
                categories = find_all(reader, options.categories);
  for (std::int64_t column : drop) {
    if (column == layout.column)
      refuse_contradiction(reader, "drop", column, "is the target", "other columns; target=COLUMN selects the target");
    if (columns.contains(column)) refuse_contradiction(reader, "drop", column, "is also in columns", "one of the two");
  }
  CsvSelection selection;
  for (std::int64_t at = 0; at < layout.columns; ++at) {
    if (at == layout.column || drop.contains(at) || (!columns.empty() && !columns.contains(at))) continue;
    selection.inputs.push_back(at);
    if (categories.contains(at)) selection.categories.push_back(at);
  }
  const bool has_index = columns.empty() && !selection.inputs.empty() && selection.inputs[0] == 0 &&
                         !categories.contains(0) && has_row_names(layout);
  selection.leaves_index_out = has_index && selection.inputs.size() > 1;
  selection.has_only_index = has_index && selection.inputs.size() == 1;
  if (selection.leaves_index_out) selection.inputs.erase(selection.inputs.begin());
  for (std::int64_t column : categories) {
    if (!std::ranges::binary_search(selection.inputs, column))
      refuse_contradiction(reader, "category", column, "is not an input",
                           "a column that is read; task=multiclass for the target");
  }
  if (selection.inputs.empty()) {
    fail<DataError>(
        "read_csv: {}: no column is left for the inputs of {} columns (valid: at least one in addition to the "
        "target)",
        reader.file(), layout.columns);
  }
  return selection;
}

}  // namespace perdita::data::detail
