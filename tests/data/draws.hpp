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

/// Pearson's statistic, outcome by outcome.
class ChiSquare {
 public:
  void add(double expected, double seen) {
    if (expected == 0) {
      EXPECT_EQ(seen, 0) << "an impossible outcome";
      return;
    }
    statistic_ += (seen - expected) * (seen - expected) / expected;
    ++degrees_;
  }
  /// In standard deviations of its distribution: above 5 about once in a million tests.
  double excess() const { return (statistic_ - degrees_) / std::sqrt(2 * degrees_); }

 private:
  double statistic_ = 0, degrees_ = -1;
};

inline double chi_square_excess(const std::vector<double>& expected, const std::vector<double>& seen) {
  ChiSquare chi_square;
  for (std::size_t i = 0; i < expected.size(); ++i) chi_square.add(expected[i], seen[i]);
  return chi_square.excess();
}

}  // namespace perdita::data
