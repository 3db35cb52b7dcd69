#include "perdita/data/sampler.hpp"

#include <map>

#include "data/draws.hpp"
#include "data/files.hpp"

namespace perdita::data {
namespace {

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

}  // namespace
}  // namespace perdita::data
