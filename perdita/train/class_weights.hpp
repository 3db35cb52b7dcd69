// How much each class counts in training.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "perdita/data/class_weights.hpp"
#include "perdita/data/dataset.hpp"

namespace perdita::train {

struct Config;

/// A file with one number a class, separated by blanks, commas or new lines.
struct WeightFile {
  std::string path;
};

/// Where the weights of the classes come from.
struct ClassWeighting {
  std::variant<std::monostate, data::WeightScheme, WeightFile> source = {};  ///< monostate: there are none
  bool is_none() const { return std::holds_alternative<std::monostate>(source); }
};
/// "none", a scheme as data::parse_weight_scheme() takes it, or anything else, which then is a file. Throws ValueError
/// for a scheme with options that it does not have.
ClassWeighting parse_class_weights(std::string_view text);
/// What parse_class_weights() takes.
std::string to_string(const ClassWeighting& weighting);

/// Where the weight of the second of two classes comes from.
struct PosWeighting {
  /// monostate: there is none; a scheme is balanced, with or without a cap.
  std::variant<std::monostate, data::WeightScheme, double> source = {};
  bool is_none() const { return std::holds_alternative<std::monostate>(source); }
};
/// "none", "balanced", "balanced,cap=R", or a positive number.
PosWeighting parse_pos_weight(std::string_view text);
/// What parse_pos_weight() takes.
std::string to_string(const PosWeighting& weighting);

/// The weights as the two say, float32 [C], made from the samples trained on; undefined for none. A pos_weight p is the
/// class weights 1, p. Throws ValueError for targets that are no classes (pos_weight: not two) and for both at once,
/// FileError, DataError that names file and line.
Tensor class_weights(const Config& config, const data::Dataset& dataset);

/// warn_of_weights() for the weights of a run whose loss divides a batch by its weights, or does not.
std::optional<std::string> warn_of_class_weights(const Config& config, const data::Dataset& dataset,
                                                 bool divides_by_weights);

}  // namespace perdita::train
