// Random splits of indices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace perdita::data {

/// Two disjoint parts of 0..count-1 that together are complete, each in ascending order.
struct TwoIndexParts {
  std::vector<std::int64_t> rest, held_out;
};

/// Holds out a random fraction of `count` samples (rounded), which depends on the seed. Throws ValueError unless
/// 0 < fraction < 1, and if a part would be empty.
TwoIndexParts hold_out_indices(std::int64_t count, double fraction, std::uint64_t seed);

/// The same, stratified: the fraction of each class is held out, to within one sample. Also throws IndexError for a
/// negative label.
TwoIndexParts hold_out_of_each(std::span<const std::int64_t> labels, double fraction, std::uint64_t seed);

/// One part per fraction; the fractions have sum 1. The parts are disjoint, together complete, and in ascending order.
/// Throws ValueError for fractions that are not positive or do not have sum 1, and if a part would be empty.
std::vector<std::vector<std::int64_t>> random_split(std::int64_t count, std::span<const double> fractions,
                                                    std::uint64_t seed);

/// The same, stratified: each part has its fraction of every class, to within two samples (one for two parts). Also
/// throws IndexError for a negative label.
std::vector<std::vector<std::int64_t>> stratified_split(std::span<const std::int64_t> labels,
                                                        std::span<const double> fractions, std::uint64_t seed);

}  // namespace perdita::data
