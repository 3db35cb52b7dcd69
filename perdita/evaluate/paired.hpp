// Paired tests: whether two things that were measured on the same samples differ by more than noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

struct PairedTest {
  double mean = 0;         ///< of the differences
  Interval interval = {};  ///< 95 %, by Student's t
  double p = 1;            ///< of a mean as far from 0 by noise alone, to both sides
};

/// Student's t of differences; nothing for fewer than two, or where one is not finite.
std::optional<PairedTest> paired_test(std::span<const double> differences);

/// The mean over groups of the means of their differences, as a recall averaged over classes is: `group` has the group
/// of each difference, `groups` those that count. Degrees of freedom after Welch and Satterthwaite. Nothing where a
/// group has fewer than two.
std::optional<PairedTest> paired_test_of_groups(std::span<const double> differences,
                                                std::span<const std::int64_t> group,
                                                std::span<const std::int64_t> groups);

/// p values, corrected for their number so that one below 0.05 is found by chance alone in at most one family in 20
/// (Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979).
std::vector<double> holm(std::span<const double> p);

}  // namespace perdita::evaluate
