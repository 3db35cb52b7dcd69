#include "perdita/data/class_sampler.hpp"

#include "data/draws.hpp"
#include "data/files.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/loader.hpp"
#include "perdita/data/weighted_sampler.hpp"

namespace perdita::data {
namespace {

/// 40 of class 0, 7 of class 1, none of class 2, 13 of class 3, mixed.
Ints mixed_labels() {
  Ints labels;
  for (int i = 0; i < 60; ++i) labels.push_back(i % 3 != 0 ? 0 : (i % 9 == 0 ? 1 : 3));
  return labels;
}
Ints times_drawn(const Ints& draws, std::size_t samples) {
  Ints times(samples);
  for (std::int64_t i : draws) ++times[static_cast<std::size_t>(i)];
  return times;
}
Ints classes_of(Ints draws, const Ints& labels) {
  for (std::int64_t& i : draws) i = labels[static_cast<std::size_t>(i)];
  return draws;
}

TEST(ClassBalancedSampler, OversamplingRepeatsEverySampleAsEvenlyAsCanBe) {
  const Ints labels = mixed_labels();
  ASSERT_EQ(count_classes(labels), (Ints{40, 7, 0, 13}));
  const ClassBalancedSampler sampler(labels, {.seed = 3});
  EXPECT_EQ(sampler.size(), 120);
  const Ints draws = draw(sampler);
  EXPECT_EQ(count_classes(classes_of(draws, labels)), (Ints{40, 40, 0, 40}));
  const Ints times = times_drawn(draws, labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int64_t least = labels[i] == 0 ? 1 : labels[i] == 1 ? 5 : 3;
    EXPECT_TRUE(times[i] == least || (labels[i] != 0 && times[i] == least + 1)) << i << ": " << times[i];
  }
}

TEST(ClassBalancedSampler, UndersamplingChoosesAnewEachEpoch) {
  const Ints labels = mixed_labels();
  const ClassBalancedSampler sampler(labels, {.how = Balance::undersample, .seed = 3});
  EXPECT_EQ(sampler.size(), 21);
  const Ints first = draw(sampler, 0);
  EXPECT_EQ(count_classes(classes_of(first, labels)), (Ints{7, 7, 0, 7}));
  EXPECT_EQ(std::ranges::max(times_drawn(first, labels.size())), 1);
  EXPECT_NE(sorted(first), sorted(draw(sampler, 1)));
  EXPECT_EQ(first, draw(sampler, 0));
}

TEST(ClassBalancedSampler, EverySampleOfAClassIsEquallyLikelyAtEveryPlace) {
  constexpr std::uint64_t seed = 12;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Ints labels{0, 0, 0, 1, 0};
  const ClassBalancedSampler sampler(labels, {.samples_per_class = 2, .seed = seed});
  std::vector<double> seen(20), expected(20);
  for (std::uint64_t epoch = 0; epoch < 20000; ++epoch) {
    const Ints draws = draw(sampler, epoch);
    for (std::size_t place = 0; place < 4; ++place) ++seen[place * 5 + static_cast<std::size_t>(draws[place])];
  }
  for (std::size_t i = 0; i < 20; ++i) expected[i] = i % 5 == 3 ? 10000 : 2500;
  // Sixteen free counts of twenty, and dependent ones: the bound is a rough one, but a bias of a tenth fails it.
  EXPECT_LT(chi_square_excess(expected, seen), 5);
}

TEST(ClassBalancedSampler, ChecksItsArguments) {
  EXPECT_CONTAINS(message_of<ValueError>([] { ClassBalancedSampler(Ints{}); }), "no labels");
  EXPECT_CONTAINS(message_of<ValueError>([] { ClassBalancedSampler(Ints{0}, {.samples_per_class = 0}); }),
                  "samples_per_class is 0");
  EXPECT_CONTAINS(message_of<IndexError>([] { ClassBalancedSampler(Ints{0, -1}); }), "label[1] is -1");
}

TEST(ClassShares, TellDataExpectationAndDraws) {
  const Ints labels = mixed_labels();
  const ClassShares over = class_shares(ClassBalancedSampler(labels), labels, 5);
  EXPECT_EQ(over.data, (std::vector<double>{40.0 / 60, 7.0 / 60, 0, 13.0 / 60, 0}));
  for (std::size_t c : {0, 1, 3}) {
    EXPECT_NEAR(over.expected[c], 1.0 / 3, 1e-15);
    EXPECT_EQ(over.drawn[c], 1.0 / 3);
  }
  std::vector<double> weights;
  for (std::int64_t label : labels) weights.push_back(label == 0 ? 1 : 4);
  const ClassShares weighted = class_shares(WeightedRandomSampler(weights, 1000000), labels);
  EXPECT_NEAR(weighted.expected[0], 1.0 / 3, 1e-12);
  EXPECT_NEAR(weighted.drawn[0], 1.0 / 3, 5 * std::sqrt(2.0 / 9 / 1e6));
  EXPECT_EQ(class_shares(SubsetSampler({0, 3, 3}), labels).expected,
            class_shares(SubsetSampler({0, 3, 3}), labels).drawn);
}

class FixedOrder : public Sampler {
 public:
  std::int64_t size() const override { return 2; }
  void draw(std::uint64_t, std::span<std::int64_t> indices) const override { indices[0] = 0, indices[1] = 9; }
};

TEST(ClassShares, OfASamplerOfOnesOwn) {
  const Ints labels{0, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const ClassShares shares = class_shares(FixedOrder(), labels);
  EXPECT_TRUE(shares.expected.empty());
  EXPECT_EQ(shares.drawn, (std::vector<double>{0.5, 0.5}));
  EXPECT_CONTAINS(message_of<IndexError>([] {
                    class_shares(FixedOrder(), Ints{0, 1});
                  }),
                  "index 9 is out of range for 2");
}

// Whatever makes the batches, and however far ahead.
TEST(ClassBalancedSampler, PrefetchingDoesNotChangeTheDraws) {
  const Ints labels = mixed_labels();
  const auto dataset = Dataset::of(Tensor::zeros({60, 2}), Tensor::from(labels));
  const std::vector<double> weights = balanced_sample_weights(dataset);
  const std::vector<AnySampler> samplers{ClassBalancedSampler(labels, {.seed = 2}),
                                         ClassBalancedSampler(labels, {.how = Balance::undersample, .seed = 2}),
                                         WeightedRandomSampler(weights, 70, {.seed = 2}),
                                         WeightedRandomSampler(weights, 30, {.replacement = false, .seed = 2})};
  for (const AnySampler& sampler : samplers) {
    for (int prefetch : {0, 1, 7}) {
      DataLoader loader(dataset, {.batch_size = 8, .sampler = sampler, .prefetch = prefetch});
      for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
        Ints seen;
        for (const Batch& batch : loader) seen.insert(seen.end(), batch.indices().begin(), batch.indices().end());
        EXPECT_EQ(seen, draw(*sampler, epoch)) << "prefetch " << prefetch << ", epoch " << epoch;
      }
    }
  }
}

}  // namespace
}  // namespace perdita::data
