// How much each class counts in training.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

/// How strongly the heaviest sample of these weights pulls at the model: its step, beside that of an unweighted sample
/// at the optimizer's default learning rate. `mean_by_weight`: the loss of a batch is divided by its weights.
double strongest_pull(const std::vector<double>& weights, const std::vector<std::int64_t>& counts,
                      std::string_view optimizer, double lr, bool mean_by_weight);

/// A sentence with the capped alternative where the weights are likely to wreck training at this learning rate.
std::vector<std::string> warn_of_weights(const Config& config, const data::Dataset& dataset);

}  // namespace perdita::train
