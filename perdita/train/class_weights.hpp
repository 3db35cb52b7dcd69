// How much each class counts in training.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "perdita/data/dataset.hpp"
#include "perdita/train/config.hpp"

namespace perdita::train {

/// The canonical text of what config.class_weights may be: "none", a scheme as data::parse_weight_scheme() takes it, or
/// anything else, which then is a file with one number a class, separated by blanks, commas or new lines.
/// Throws ValueError for a scheme with options that it does not have.
std::string check_class_weights(std::string_view text);

/// The same for config.pos_weight: "none", "balanced", "balanced,cap=R", or a positive number.
std::string check_pos_weight(std::string_view text);

/// The weights as the two say, float32 [C], made from the samples trained on; undefined for none. A pos_weight p is the
/// class weights 1, p. Throws ValueError for targets that are no classes (pos_weight: not two) and for both at once,
/// FileError, DataError that names file and line.
Tensor class_weights(const Config& config, const data::Dataset& dataset);

/// warn_of_weights() for the weights of a run whose loss divides a batch by its weights, or does not.
std::optional<std::string> warn_of_class_weights(const Config& config, const data::Dataset& dataset,
                                                 bool divides_by_weights);

}  // namespace perdita::train
