// Small synthetic problems for experiments with losses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/data/dataset.hpp"

namespace perdita::data {

/// The defaults depend on the problem. An option that a problem does not support is an error.
struct SyntheticOptions {
  std::int64_t samples = 1000;
  std::optional<double> noise = std::nullopt;           ///< standard deviation
  std::optional<std::int64_t> features = std::nullopt;  ///< linear, blobs, imbalanced-blobs
  std::optional<std::int64_t> classes = std::nullopt;   ///< blobs, spirals, imbalanced-blobs
  std::optional<double> ratio = std::nullopt;           ///< imbalanced-blobs: largest / smallest class size
};

/// The problems: linear, sine (regression); moons, circles (binary); blobs, spirals, imbalanced-blobs (classes).
const std::vector<std::string>& synthetic_names();

/// Sample i is a function of the name, the options, the seed and i. Inputs are float32 [N, features].
/// Throws ValueError for an unknown name or an option out of range.
Dataset synthetic(std::string_view name, const SyntheticOptions& options = {}, std::uint64_t seed = 0);

}  // namespace perdita::data
