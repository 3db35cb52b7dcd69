// Dividing samples into those to train on and those to judge by.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "perdita/data/dataset.hpp"

namespace perdita::data {

/// Two disjoint parts that together are the whole.
struct TwoParts {
  Dataset rest, held_out;
};

/// Holds out a fraction of the samples (rounded), chosen by shuffling under the seed; both parts keep the source's
/// order. Stratified: every class gives its share, to within one sample. Throws ValueError unless 0 < fraction < 1,
/// when a part would be empty, and for stratification without classes.
TwoParts hold_out(const Dataset& dataset, double fraction, std::uint64_t seed, bool stratified = false);

/// Options of split().
struct SplitOptions {
  double val_fraction = 0.1;   ///< of the training samples; 0: none
  double test_fraction = 0.2;  ///< of all samples, where the source has no test set of its own; 0: none
  std::uint64_t seed = 0;
  bool stratified = false;
};

/// The parts that split() makes; `validation` and `test` may be absent.
struct Splits {
  Dataset train;
  std::optional<Dataset> validation, test;
};

/// First the test set is held out where there is none, then the validation set.
Splits split(const Dataset& dataset, const SplitOptions& options = {}, std::optional<Dataset> test = std::nullopt);

}  // namespace perdita::data
