#include "perdita/train/table_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/train/scaling.hpp"

namespace perdita::train {

namespace {

using data::ColumnKind;
using data::Dataset;
using data::TableColumn;

/// The values of a column, from sample to sample.
class Values {
 public:
  Values(const Dataset& table, std::size_t column)
      : at_(table.inputs.data<float>() + column), rows_(table.size()), step_(table.inputs.shape[1]) {}
  std::int64_t size() const { return rows_; }
  float operator[](std::int64_t row) const { return at_[row * step_]; }

 private:
  const float* at_;
  std::int64_t rows_, step_;
};

bool is_missing_in(const Values& values) {
  for (std::int64_t row = 0; row < values.size(); ++row) {
    if (std::isnan(values[row])) return true;
  }
  return false;
}

/// How often each category occurs.
std::vector<std::int64_t> count_categories(const Values& values, std::size_t categories) {
  std::vector<std::int64_t> counts(categories);
  for (std::int64_t row = 0; row < values.size(); ++row) {
    if (!std::isnan(values[row])) ++counts[static_cast<std::size_t>(values[row])];
  }
  return counts;
}

/// Keeps the categories that occur; of too many the most frequent ones, and of equally frequent ones the first.
void keep_frequent(EncodedColumn& encoded, const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t category) { return counts[category] == 0; });
  encoded.merges_rare = order.size() > TableEncoding::most_categories;
  if (encoded.merges_rare) {
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t category) { return counts[category]; });
    order.resize(TableEncoding::most_categories - 1);
    std::ranges::sort(order);
  }
  std::vector<std::string> kept;
  for (std::size_t category : order) kept.push_back(encoded.column.categories[category]);
  encoded.column.categories = std::move(kept);
}

/// For each category of the table, the first of them and the last for those that are in no table: its input within the
/// column, or -1.
std::vector<std::int64_t> inputs_of_categories(const EncodedColumn& encoded, const TableColumn& of_table) {
  const auto& kept = encoded.column.categories;
  const std::int64_t rare = encoded.merges_rare ? std::ssize(kept) : -1;
  std::vector<std::int64_t> inputs;
  for (const std::string& name : of_table.categories) {
    const auto found = std::ranges::lower_bound(kept, name);
    inputs.push_back(found != kept.end() && *found == name ? found - kept.begin() : rare);
  }
  inputs.push_back(rare);  // unknown to the table
  return inputs;
}

/// Writes the inputs of a column, the first of which is `to`; `step` inputs later is the next sample.
void encode(const EncodedColumn& encoded, const TableColumn& of_table, const Values& values, float* to,
            std::int64_t step) {
  const std::int64_t width = encoded.width();
  const bool is_category = encoded.column.kind == ColumnKind::category;
  const std::vector<std::int64_t> inputs = inputs_of_categories(encoded, of_table);
  for (std::int64_t row = 0; row < values.size(); ++row, to += step) {
    const float value = values[row];
    const bool is_missing = std::isnan(value);
    std::fill(to, to + width, 0.0f);
    if (!is_category) {
      to[0] = is_missing ? encoded.median : value;
    } else if (!is_missing) {
      if (const std::int64_t input = inputs[static_cast<std::size_t>(value)]; input >= 0) to[input] = 1;
    }
    if (is_missing && encoded.has_indicator) to[width - 1] = 1;
  }
}

}  // namespace

std::int64_t EncodedColumn::width() const {
  const bool is_category = column.kind == ColumnKind::category;
  return (is_category ? std::ssize(column.categories) + merges_rare : 1) + has_indicator;
}

TableEncoding TableEncoding::of(const Dataset& train) {
  const std::vector<float> medians = medians_of(train.inputs);
  std::vector<EncodedColumn> columns;
  for (std::size_t i = 0; i < train.columns.size(); ++i) {
    const Values values(train, i);
    EncodedColumn encoded{.column = train.columns[i], .has_indicator = is_missing_in(values)};
    if (encoded.column.kind == ColumnKind::category) {
      keep_frequent(encoded, count_categories(values, encoded.column.categories.size()));
    } else {
      encoded.median = medians[i];
    }
    columns.push_back(std::move(encoded));
  }
  return TableEncoding(std::move(columns));
}

std::int64_t TableEncoding::width() const {
  return std::accumulate(columns_.begin(), columns_.end(), std::int64_t{0},
                         [](std::int64_t sum, const EncodedColumn& column) { return sum + column.width(); });
}

std::vector<std::string> TableEncoding::input_names() const {
  std::vector<std::string> names;
  for (const EncodedColumn& encoded : columns_) {
    const std::string& name = encoded.column.name;
    if (encoded.column.kind != ColumnKind::category) names.push_back(name);
    for (const std::string& category : encoded.column.categories) names.push_back(fmt::format("{}={}", name, category));
    if (encoded.merges_rare) names.push_back(fmt::format("{}=(other)", name));
    if (encoded.has_indicator) names.push_back(fmt::format("{} is missing", name));
  }
  return names;
}

std::vector<bool> TableEncoding::are_switches() const {
  std::vector<bool> are;
  for (const EncodedColumn& encoded : columns_) {
    const ColumnKind kind = encoded.column.kind;
    are.insert(are.end(), static_cast<std::size_t>(encoded.width()), true);
    if (kind == ColumnKind::number || kind == ColumnKind::date)
      are[are.size() - static_cast<std::size_t>(encoded.width())] = false;
  }
  return are;
}

bool TableEncoding::is_identity() const {
  return std::ranges::all_of(columns_, [](const EncodedColumn& encoded) {
    return encoded.column.kind != ColumnKind::category && !encoded.has_indicator;
  });
}

Dataset TableEncoding::apply(const Dataset& table) const {
  if (is_empty()) return table;
  if (table.columns.size() != columns_.size()) {
    fail<ShapeError>("TableEncoding::apply: the table has {} columns (valid: {})", table.columns.size(),
                     columns_.size());
  }
  const float* const begin = table.inputs.data<float>();
  const bool is_complete = std::none_of(begin, begin + table.inputs.size(), [](float x) { return std::isnan(x); });
  Dataset encoded = table;
  encoded.columns.clear();
  if (is_identity() && is_complete) return encoded;
  const std::int64_t step = width();
  encoded.inputs = Array::empty({table.size(), step}, DType::float32);
  float* to = encoded.inputs.data<float>();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    encode(columns_[i], table.columns[i], Values(table, i), to, step);
    to += columns_[i].width();
  }
  return encoded;
}

}  // namespace perdita::train
