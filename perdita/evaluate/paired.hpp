// Paired tests: whether two quantities measured on the same samples differ significantly.
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
  double p = 1;            ///< two-sided p value
};

/// Student's t test of differences; empty for fewer than two, or if one is not finite.
std::optional<PairedTest> paired_test(std::span<const double> differences);

/// Test of the mean over groups of the means of their differences, such as a recall averaged over classes. `group` is
/// the group of each difference, `groups` are the groups to include. Degrees of freedom by Welch and Satterthwaite.
/// Empty if a group has fewer than two differences.
std::optional<PairedTest> paired_test_of_groups(std::span<const double> differences,
                                                std::span<const std::int64_t> group,
                                                std::span<const std::int64_t> groups);

/// p values corrected for their number by Holm's method, which controls the family-wise error rate
/// (Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979).
std::vector<double> holm(std::span<const double> p);

}  // namespace perdita::evaluate
