// Dividing indices in parts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace perdita::data {

/// Two disjoint parts of 0..count-1 that together are the whole, each in ascending order.
struct TwoIndexParts {
  std::vector<std::int64_t> rest, held_out;
};

/// Holds out a fraction of `count` samples (rounded), chosen by shuffling under the seed. Throws ValueError unless
/// 0 < fraction < 1, and where a part would be empty.
TwoIndexParts hold_out_indices(std::int64_t count, double fraction, std::uint64_t seed);

/// The same stratified: every class gives its share of its samples, to within one. Throws IndexError for a negative
/// label besides.
TwoIndexParts hold_out_of_each(std::span<const std::int64_t> labels, double fraction, std::uint64_t seed);

/// A part for each fraction of the samples, which add up to 1; each in ascending order, disjoint, together the whole.
/// Throws ValueError for fractions that are not above 0 or do not add up to 1, and where a part would be empty.
std::vector<std::vector<std::int64_t>> random_split(std::int64_t count, std::span<const double> fractions,
                                                    std::uint64_t seed);

/// The same stratified: each part has its share of every class, to within two samples; to within one of two parts.
/// Throws IndexError for a negative label besides.
std::vector<std::vector<std::int64_t>> stratified_split(std::span<const std::int64_t> labels,
                                                        std::span<const double> fractions, std::uint64_t seed);

}  // namespace perdita::data
