#include "perdita/data/weighted_sampler.hpp"

#include <limits>
#include <map>

#include "data/draws.hpp"
#include "data/files.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::data {
namespace {

TEST(WeightedSampler, WithReplacementFollowsTheWeights) {
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

TEST(WeightedSampler, DrawsAreIndependentOfEachOther) {
  constexpr std::uint64_t seed = 4;
  const Ints indices = draw(WeightedRandomSampler({1, 3}, 400'000, {.seed = seed}));
  std::vector<double> pairs(4);
  for (std::size_t i = 0; i + 1 < indices.size(); i += 2)
    ++pairs[static_cast<std::size_t>(2 * indices[i] + indices[i + 1])];
  EXPECT_LT(chi_square_excess({12500, 37500, 37500, 112500}, pairs), 5) << "seed " << seed;
}

// PyTorch refuses more than 2^24 weights, and near there loses classes in float sums.
TEST(WeightedSampler, HasNoLimitOnCategories) {
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

// Every category by itself, most of them rare; the opt-in test below does so with 100 million.
void expect_all_categories_as_weighted(std::size_t categories, std::size_t draws_of_each, std::uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Philox random(seed, 1);
  std::vector<double> weights(categories);
  for (std::size_t i = 0; i < categories; ++i) weights[i] = 0.5 + random.uniform(i);
  const std::int64_t draws = static_cast<std::int64_t>(categories * draws_of_each);
  const WeightedRandomSampler sampler(weights, draws, {.seed = seed});
  const double scale = static_cast<double>(draws) / std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight *= scale;
  std::vector<double> seen(categories);
  for (std::int64_t i : draw(sampler)) ++seen[static_cast<std::size_t>(i)];
  EXPECT_LT(std::abs(chi_square_excess(weights, seen)), 5);
}

TEST(WeightedSampler, TwoMillionCategoriesPassAChiSquareTest) { expect_all_categories_as_weighted(2'000'000, 10, 17); }

TEST(WeightedSampler, ThreadsDoNotChangeTheDraws) {
  std::vector<double> weights(1000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<double>(i % 17);
  const int before = num_threads();
  for (bool replacement : {true, false}) {
    const std::int64_t count = replacement ? 100'003 : 700;
    const WeightedRandomSampler sampler(weights, count, {.replacement = replacement, .seed = 8});
    set_num_threads(1);
    const Ints alone = draw(sampler, 3);
    for (int threads : {2, 5}) {
      set_num_threads(threads);
      EXPECT_EQ(draw(sampler, 3), alone) << threads << " threads";
    }
  }
  set_num_threads(before);
}

TEST(WeightedSampler, AllDrawsAreTheSingleOnes) {
  const std::vector<double> weights{3, 0, 1, 7.5};
  const AliasTable table(weights);
  for (std::size_t count : {0, 1, 31, 32, 33, 16384, 16385, 40000}) {
    Ints draws(count);
    table.draw_all(Philox(4, 9), draws);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(draws[i], table.draw(Philox(4, 9), i)) << i << " of " << count;
  }
}

TEST(AliasTable, IsExact) {
  const std::vector<double> weights{0.1, 0.2, 0.3, 3e-17, 0.4};
  const AliasTable table(weights);
  const auto probability = table.probabilities();
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(probability[i], weights[i], 0x1p-53) << i;
  EXPECT_GT(probability[3], 0);  // less than 2^-53, but more than a ticket
}

TEST(AliasTable, OfAnySizeIsExact) {
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

TEST(WeightedSampler, WithoutReplacementIsSuccessiveDrawing) {
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

// All ordered choices of three from five, by their definition.
TEST(WeightedSampler, WithoutReplacementHasTheProbabilitiesOfBruteForce) {
  constexpr std::uint64_t seed = 77;
  constexpr std::size_t n = 5;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const std::vector<double> w{0.5, 1, 2, 4, 0.25};
  const double sum = 7.75, epochs = 60000;
  std::map<Ints, double> seen;
  const WeightedRandomSampler sampler(w, 3, {.replacement = false, .seed = seed});
  for (std::uint64_t epoch = 0; epoch < 60000; ++epoch) ++seen[draw(sampler, epoch)];
  std::vector<double> expected, counts, included(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) {
        if (i == j || j == k || i == k) continue;
        const double chance = w[i] / sum * w[j] / (sum - w[i]) * w[k] / (sum - w[i] - w[j]);
        expected.push_back(epochs * chance);
        counts.push_back(
            seen[{static_cast<std::int64_t>(i), static_cast<std::int64_t>(j), static_cast<std::int64_t>(k)}]);
        for (std::size_t chosen : {i, j, k}) included[chosen] += chance;
      }
    }
  }
  EXPECT_LT(chi_square_excess(expected, counts), 5);
  // The approximation is good to one draw in num_samples, which here is no more than a hint.
  const std::vector<double> approximately = sampler.expected_draws();
  EXPECT_NEAR(std::accumulate(approximately.begin(), approximately.end(), 0.0), 3, 1e-9);
  for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(approximately[i], included[i], 0.1) << i;
}

TEST(WeightedSampler, TellsTheDrawsToExpect) {
  const std::vector<double> with = WeightedRandomSampler({1, 0, 3}, 100).expected_draws();
  EXPECT_NEAR(with[0], 25, 1e-12);
  EXPECT_EQ(with[1], 0);
  EXPECT_NEAR(with[2], 75, 1e-12);
  // Of many, the approximation is as good as a count of 200 epochs can tell.
  std::vector<double> weights(2000), seen(2);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i < 1000 ? 1 : 5;
  const WeightedRandomSampler sampler(weights, 800, {.replacement = false, .seed = 6});
  for (std::uint64_t epoch = 0; epoch < 200; ++epoch) {
    for (std::int64_t i : draw(sampler, epoch)) ++seen[i < 1000 ? 0 : 1];
  }
  const std::vector<double> expected = sampler.expected_draws();
  EXPECT_NEAR(std::accumulate(expected.begin(), expected.begin() + 1000, 0.0), seen[0] / 200, 3);
  EXPECT_NEAR(std::accumulate(expected.begin() + 1000, expected.end(), 0.0), seen[1] / 200, 3);
}

TEST(WeightedSampler, WithoutReplacementDrawsEachOnce) {
  const WeightedRandomSampler sampler({1e-300, 1, 1e300, 5}, 4, {.replacement = false});
  EXPECT_EQ(sorted(draw(sampler)), up_to(4));
  EXPECT_EQ(draw(sampler)[0], 2);
  EXPECT_EQ(draw(sampler)[3], 0);
}

TEST(WeightedSampler, ChecksItsArgumentsAtOnce) {
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
