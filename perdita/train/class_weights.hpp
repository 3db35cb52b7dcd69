// How much each class counts.
#pragma once

#include <string_view>

#include "perdita/data/dataset.hpp"

namespace perdita::train {

/// "none": undefined; "balanced": samples / (classes * samples of the class), and 0 for a class without samples; else
/// a file with one number a class, separated by blanks, commas or new lines. float32 [C].
/// Throws ValueError for targets that are no classes, FileError, DataError that names file and line.
Tensor class_weights(std::string_view spec, const data::Dataset& dataset);

}  // namespace perdita::train
