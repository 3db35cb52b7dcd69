// What is odd about data before anything is trained on them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perdita/data/dataset.hpp"

namespace perdita::train {

/// A sentence each: targets that are all the same, classes without training or validation samples, inputs that are the
/// same in every training sample (but for pixels, of which some always are). input_names: of the inputs of a table;
/// empty: inputs are named by their indices.
std::vector<std::string> warn_of_data(const data::Dataset& train, const std::optional<data::Dataset>& validation,
                                      const std::vector<std::string>& input_names = {});

}  // namespace perdita::train
