// What the tests of samplers share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "perdita/data/sampler.hpp"

namespace perdita::data {

using Ints = std::vector<std::int64_t>;

inline Ints draw(const Sampler& sampler, std::uint64_t epoch = 0) {
  Ints indices(static_cast<std::size_t>(sampler.size()), -1);
  sampler.draw(epoch, indices);
  return indices;
}
inline Ints sorted(Ints values) {
  std::ranges::sort(values);
  return values;
}
inline Ints up_to(std::int64_t count) {
  Ints values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// Pearson's statistic in standard deviations of its distribution: above 5 about once in a million tests.
inline double chi_square_excess(const std::vector<double>& expected, const std::vector<double>& seen) {
  double statistic = 0, degrees = -1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == 0) {
      EXPECT_EQ(seen[i], 0) << "an impossible outcome, " << i;
      continue;
    }
    statistic += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    ++degrees;
  }
  return (statistic - degrees) / std::sqrt(2 * degrees);
}

}  // namespace perdita::data
