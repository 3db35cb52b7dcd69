// Splits of samples into training, validation and test sets.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "perdita/data/dataset.hpp"

namespace perdita::data {

/// Two disjoint parts that together are complete.
struct TwoParts {
  Dataset rest, held_out;
};

/// Holds out a random fraction of the samples (rounded), which depends on the seed; both parts keep the order of the
/// source. Stratified: the fraction of each class is held out, to within one sample. Throws ValueError unless
/// 0 < fraction < 1, if a part would be empty, and for stratification without classes.
TwoParts hold_out(const Dataset& dataset, double fraction, std::uint64_t seed, bool stratified = false);

/// Options of split().
struct SplitOptions {
  double val_fraction = 0.1;   ///< of the training samples; 0: none
  double test_fraction = 0.2;  ///< of all samples, if the source has no separate test set; 0: none
  std::uint64_t seed = 0;
  bool stratified = false;
};

/// The parts that split() makes; `validation` and `test` may be absent.
struct Splits {
  Dataset train;
  std::optional<Dataset> validation, test;
};

/// Holds out first the test set, if there is none, and then the validation set.
Splits split(const Dataset& dataset, const SplitOptions& options = {}, std::optional<Dataset> test = std::nullopt);

}  // namespace perdita::data
