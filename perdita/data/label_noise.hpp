// Artificial label noise, as used in studies of robustness.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace perdita::data {

/// The labels, with a random share of them (rounded) replaced by one of the other classes, all equally likely. Throws
/// ValueError unless 0 <= share <= 1, and for fewer than two classes if the share is positive; IndexError for a label
/// out of range.
std::vector<std::int64_t> flip_labels(std::span<const std::int64_t> labels, std::int64_t num_classes, double share,
                                      std::uint64_t seed);

}  // namespace perdita::data
