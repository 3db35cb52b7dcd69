// The columns of a table in words.
#pragma once

#include <string>
#include <vector>

#include "perdita/data/dataset.hpp"
#include "perdita/train/table_encoding.hpp"

namespace perdita::train {

/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names);

/// One line per kind of column, one for missing values, and one for the number of inputs. Empty if the dataset is not a
/// table.
std::vector<std::string> describe_columns(const data::Dataset& table, const TableEncoding& encoding);

}  // namespace perdita::train
