#include "perdita/data/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "data/files.hpp"
#include "perdita/core/random.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;

Ints draw(const Sampler& sampler, std::uint64_t epoch = 0) {
  Ints indices(static_cast<std::size_t>(sampler.size()), -1);
  sampler.draw(epoch, indices);
  return indices;
}
Ints sorted(Ints values) {
  std::ranges::sort(values);
  return values;
}
Ints up_to(std::int64_t count) {
  Ints values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// Pearson's statistic in standard deviations of its distribution: above 5 about once in a million tests.
double chi_square_excess(const std::vector<double>& expected, const std::vector<double>& seen) {
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

TEST(Sampler, Sequential) {
  EXPECT_EQ(draw(SequentialSampler(5)), up_to(5));
  EXPECT_EQ(SequentialSampler(0).size(), 0);
  EXPECT_THROW(SequentialSampler(-1), ValueError);
}

TEST(Sampler, RandomIsAPermutationOfItsOwnForEveryEpochAndSeed) {
  const RandomSampler sampler(1000, {.seed = 7});
  EXPECT_EQ(sorted(draw(sampler, 0)), up_to(1000));
  EXPECT_EQ(draw(sampler, 3), draw(sampler, 3));
  EXPECT_NE(draw(sampler, 3), draw(sampler, 4));
  EXPECT_NE(draw(sampler, 3), draw(RandomSampler(1000, {.seed = 8}), 3));
}

TEST(Sampler, EveryPermutationIsEquallyLikely) {
  constexpr std::uint64_t seed = 20261123;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::map<Ints, double> seen;
  const RandomSampler sampler(4, {.seed = seed});
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) ++seen[draw(sampler, epoch)];
  ASSERT_EQ(seen.size(), 24u);
  std::vector<double> counts;
  for (const auto& [order, count] : seen) counts.push_back(count);
  EXPECT_LT(chi_square_excess(std::vector<double>(24, 1000), counts), 5);
}

TEST(Sampler, RandomOfAnotherLength) {
  const Ints longer = draw(RandomSampler(10, {.num_samples = 25, .seed = 1}));
  EXPECT_EQ(sorted({longer.begin(), longer.begin() + 10}), up_to(10));
  EXPECT_EQ(sorted({longer.begin() + 10, longer.begin() + 20}), up_to(10));
  EXPECT_FALSE(std::equal(longer.begin(), longer.begin() + 10, longer.begin() + 10));
  Ints rest = sorted({longer.begin() + 20, longer.end()});
  EXPECT_EQ(std::unique(rest.begin(), rest.end()), rest.end());
  const Ints shorter = sorted(draw(RandomSampler(10, {.num_samples = 4})));
  EXPECT_EQ(std::adjacent_find(shorter.begin(), shorter.end()), shorter.end());
  std::vector<double> counts(10);
  for (std::int64_t i : draw(RandomSampler(10, {.replacement = true, .num_samples = 100000, .seed = 5}))) {
    ++counts[static_cast<std::size_t>(i)];
  }
  EXPECT_LT(chi_square_excess(std::vector<double>(10, 10000), counts), 5);
  EXPECT_CONTAINS(message_of<ValueError>([] { RandomSampler(0); }), "0 samples to draw from");
  EXPECT_CONTAINS(message_of<ValueError>([] { RandomSampler(3, {.num_samples = 0}); }),
                  "num_samples is 0 (valid: a pos");
}

TEST(Sampler, Subsets) {
  EXPECT_EQ(draw(SubsetSampler({5, 2, 5})), (Ints{5, 2, 5}));
  const Ints subset{4, 8, 15, 16, 23, 42};
  const SubsetRandomSampler sampler(subset, 3);
  EXPECT_EQ(sorted(draw(sampler, 0)), subset);
  EXPECT_NE(draw(sampler, 0), draw(sampler, 1));
  EXPECT_CONTAINS(message_of<IndexError>([] { SubsetSampler({1, -2}); }), "indices[1] is -2");
}

TEST(Sampler, WeightedWithReplacementFollowsTheWeights) {
  constexpr std::uint64_t seed = 99;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  // The scale does not matter, even where sums would overflow or vanish.
  for (double scale : {1.0, 1e-300, 1e304}) {
    const std::vector<double> shares{1, 0, 2, 0.5, 100, 6.5, 0, 890};
    std::vector<double> weights = shares, expected = shares, counts(shares.size());
    for (double& weight : weights) weight *= scale;
    for (double& count : expected) count *= 1000;
    for (std::int64_t i : draw(WeightedRandomSampler(weights, 1'000'000, {.seed = seed}), 2)) {
      ++counts[static_cast<std::size_t>(i)];
    }
    EXPECT_LT(chi_square_excess(expected, counts), 5) << "scale " << scale;
  }
}

TEST(Sampler, WeightedDrawsAreIndependentOfEachOther) {
  constexpr std::uint64_t seed = 4;
  const Ints indices = draw(WeightedRandomSampler({1, 3}, 400'000, {.seed = seed}));
  std::vector<double> pairs(4);
  for (std::size_t i = 0; i + 1 < indices.size(); i += 2)
    ++pairs[static_cast<std::size_t>(2 * indices[i] + indices[i + 1])];
  EXPECT_LT(chi_square_excess({12500, 37500, 37500, 112500}, pairs), 5) << "seed " << seed;
}

// PyTorch refuses more than 2^24 weights, and near there loses classes in float sums.
TEST(Sampler, WeightedHasNoLimitOnCategories) {
  const std::size_t count = (1 << 24) + 3;
  std::vector<double> weights(count, 1.0);
  weights[count / 2] = static_cast<double>(count - 1);  // half of all draws
  double hits = 0, upper = 0;
  for (std::int64_t i : draw(WeightedRandomSampler(std::move(weights), 100'000, {.seed = 12}))) {
    hits += i == static_cast<std::int64_t>(count / 2);
    upper += i > static_cast<std::int64_t>(count / 2);
  }
  EXPECT_LT(chi_square_excess({25000, 50000, 25000}, {100000 - hits - upper, hits, upper}), 5);
}

TEST(Sampler, AliasTableIsExact) {
  const std::vector<double> weights{0.1, 0.2, 0.3, 3e-17, 0.4};
  const AliasTable table(weights);
  const auto probability = table.probabilities();
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(probability[i], weights[i], 0x1p-53) << i;
  EXPECT_GT(probability[3], 0);  // less than 2^-53, but more than a ticket
}

TEST(Sampler, AliasTablesOfAllSizesAreExact) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Philox random(seed);
    std::vector<double> weights(1 + random.below(0, 200));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::exp(5 * random.normal(i + 1));
    const long double sum = std::accumulate(weights.begin(), weights.end(), 0.0L);
    const auto probability = AliasTable(weights).probabilities();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto expected = static_cast<double>(weights[i] / sum);
      ASSERT_NEAR(probability[i], expected, 0x1p-53 + expected * 0x1p-53) << "seed " << seed << " weight " << i;
    }
    // The tickets sum to 1 exactly; turning each into a double rounds it.
    ASSERT_NEAR(std::accumulate(probability.begin(), probability.end(), 0.0L), 1, 0x1p-51) << "seed " << seed;
  }
}

TEST(Sampler, WeightedWithoutReplacementIsSuccessiveDrawing) {
  constexpr std::uint64_t seed = 31;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const std::vector<double> weights{1, 0, 2, 3, 4};
  const double sum = 10, epochs = 40000;
  std::map<Ints, double> seen;
  const WeightedRandomSampler sampler(weights, 2, {.replacement = false, .seed = seed});
  for (std::uint64_t epoch = 0; epoch < 40000; ++epoch) ++seen[draw(sampler, epoch)];
  std::vector<double> expected, counts;
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const double first = weights[static_cast<std::size_t>(i)], second = weights[static_cast<std::size_t>(j)];
      expected.push_back(i == j ? 0 : epochs * first / sum * second / (sum - first));
      counts.push_back(seen[{i, j}]);
    }
  }
  EXPECT_LT(chi_square_excess(expected, counts), 5);
}

TEST(Sampler, WeightedWithoutReplacementDrawsEachOnce) {
  const WeightedRandomSampler sampler({1e-300, 1, 1e300, 5}, 4, {.replacement = false});
  EXPECT_EQ(sorted(draw(sampler)), up_to(4));
  EXPECT_EQ(draw(sampler)[0], 2);
  EXPECT_EQ(draw(sampler)[3], 0);
}

TEST(Sampler, WeightedChecksItsArgumentsAtOnce) {
  const auto text = [](std::vector<double> weights, std::int64_t count, bool replacement = true) {
    return message_of<ValueError>([&] { WeightedRandomSampler(weights, count, {.replacement = replacement}); });
  };
  EXPECT_CONTAINS(text({1, -1}, 1), "weights[1] is -1 (valid: finite, 0 or more)");
  EXPECT_CONTAINS(text({1, std::nan("")}, 1), "weights[1] is nan");
  EXPECT_CONTAINS(text({std::numeric_limits<double>::infinity()}, 1), "weights[0] is inf");
  EXPECT_CONTAINS(text({0, 0}, 1), "none of the 2 weights is positive");
  EXPECT_CONTAINS(text({}, 1), "none of the 0 weights is positive");
  EXPECT_CONTAINS(text({1}, 0), "num_samples is 0");
  EXPECT_CONTAINS(text({1, 0, 1}, 3, false),
                  "3 samples without replacement from 2 of positive weight (valid: up to 2)");
}

}  // namespace
}  // namespace perdita::data
