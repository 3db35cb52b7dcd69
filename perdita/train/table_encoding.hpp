// TableEncoding: how the columns of a table become the inputs of a model. It is learned from the training samples.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/data/dataset.hpp"

namespace perdita::train {

/// One column. A number, boolean or date is one input; a category is one input for each name, 1 for samples of that
/// category and 0 for others.
struct EncodedColumn {
  data::TableColumn column;    ///< categories: those that have an input
  bool merges_rare = false;    ///< one more input: 1 for categories that have none
  bool has_indicator = false;  ///< one more input: 1 where the value is missing
  float median = 0;            ///< replaces missing values; not for categories

  std::int64_t width() const;
};

class TableEncoding {
 public:
  /// A column has inputs for at most so many categories; the most frequent ones are kept.
  static constexpr std::size_t most_categories = 64;

  /// No columns: datasets that are not tables stay as they are.
  TableEncoding() = default;
  explicit TableEncoding(std::vector<EncodedColumn> columns) : columns_(std::move(columns)) {}
  /// Of training samples with columns: the categories that occur, medians, and which columns have missing values.
  static TableEncoding of(const data::Dataset& train);

  bool is_empty() const { return columns_.empty(); }
  const std::vector<EncodedColumn>& columns() const { return columns_; }
  /// The number of inputs.
  std::int64_t width() const;
  /// "age", "city=Rome", "city=(other)", "age is missing": one per input.
  std::vector<std::string> input_names() const;
  /// For each input, whether it is 0 or 1 by the encoding, and not to be scaled.
  std::vector<bool> are_switches() const;

  /// The samples with encoded inputs [N, width()] instead of the values of the columns. Categories that are not in the
  /// column of the encoding are rare ones, or 0 in all inputs of the column.
  data::Dataset apply(const data::Dataset& table) const;

 private:
  bool is_identity() const;

  std::vector<EncodedColumn> columns_;
};

}  // namespace perdita::train
