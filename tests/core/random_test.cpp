#include "perdita/core/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace perdita {
namespace {

// Known answers of Random123's philox4x32-10 (kat_vectors): counter and key all zero, and all ones.
TEST(Philox, GivesThePublishedWords) {
  EXPECT_EQ(Philox(0, 0).block(0), (Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~0ULL, ~0ULL).block(~0ULL), (Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, UniformAndNormalHaveTheirMoments) {
  const Philox random(7, 3);
  const int n = 200000;
  double mean = 0, normal_mean = 0, normal_square = 0, normal_fourth = 0;
  for (int i = 0; i < n; ++i) {
    mean += random.uniform(static_cast<std::uint64_t>(i)) / n;
    const double z = random.normal(static_cast<std::uint64_t>(i));
    normal_mean += z / n;
    normal_square += z * z / n;
    normal_fourth += z * z * z * z / n;
  }
  EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(normal_mean, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(normal_square, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(normal_fourth, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Philox, StreamsDiffer) { EXPECT_NE(Philox(1, 0).bits64(5), Philox(1, 1).bits64(5)); }

TEST(Philox, BelowStaysBelow) {
  const Philox random(1);
  int counts[7] = {};
  for (std::uint64_t i = 0; i < 70000; ++i) ++counts[random.below(i, 7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000));
}

}  // namespace
}  // namespace perdita
