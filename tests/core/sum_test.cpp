#include "perdita/core/sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace perdita {
namespace {

TEST(CombineBlockSums, AddsEveryBlockOnce) {
  for (std::size_t count = 0; count < 300; ++count) {
    std::vector<double> sums(count);
    for (std::size_t i = 0; i < count; ++i) sums[i] = static_cast<double>(i + 1);  // integers: every order is exact
    EXPECT_EQ(combine_block_sums(sums), static_cast<double>(count * (count + 1) / 2)) << count;
  }
}

TEST(CombineBlockSums, IsMoreExactThanAddingInARow) {
  const std::vector<double> sums(1 << 20, 0.1);
  double in_a_row = 0.0;
  for (double sum : sums) in_a_row += sum;
  const double truth = 0.1 * (1 << 20);  // a power of two: exactly rounded
  EXPECT_NEAR(combine_block_sums(sums), truth, 1e-10);
  EXPECT_GT(std::abs(in_a_row - truth), 1e-8);
}

}  // namespace
}  // namespace perdita
