// Wrong labels on purpose, as studies of label noise make them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace perdita::data {

/// The labels, of which a share (rounded), chosen by the seed, is replaced by one of the other classes, each as likely.
/// Throws ValueError unless 0 <= share <= 1, and for fewer than two classes where the share is positive; IndexError for
/// a label out of range.
std::vector<std::int64_t> flip_labels(std::span<const std::int64_t> labels, std::int64_t num_classes, double share,
                                      std::uint64_t seed);

}  // namespace perdita::data
