#include "perdita/data/distributed_sampler.hpp"

#include "data/draws.hpp"
#include "data/files.hpp"
#include "perdita/data/weighted_sampler.hpp"

namespace perdita::data {
namespace {

/// What all ranks draw, rank by rank.
std::vector<Ints> draws_of_all(const AnySampler& whole, std::int64_t world_size, bool drop_last, std::uint64_t epoch) {
  std::vector<Ints> parts;
  for (std::int64_t rank = 0; rank < world_size; ++rank) {
    parts.push_back(
        draw(DistributedSampler(whole, {.world_size = world_size, .rank = rank, .drop_last = drop_last}), epoch));
  }
  return parts;
}

TEST(DistributedSampler, PartsAreDisjointAndCoverTheWhole) {
  for (std::int64_t count : {12, 13, 17, 5}) {
    for (std::int64_t world : {1, 2, 4, 5}) {
      const RandomSampler whole(count, {.seed = 21});
      for (std::uint64_t epoch : {0, 1}) {
        SCOPED_TRACE(testing::Message() << count << " samples, " << world << " processes, epoch " << epoch);
        Ints dropping, padding;
        for (const Ints& part : draws_of_all(whole, world, true, epoch)) {
          EXPECT_EQ(std::ssize(part), count / world);
          dropping.insert(dropping.end(), part.begin(), part.end());
        }
        const Ints order = draw(whole, epoch);
        EXPECT_EQ(sorted(dropping), sorted({order.begin(), order.begin() + count / world * world}));
        for (const Ints& part : draws_of_all(whole, world, false, epoch)) {
          EXPECT_EQ(std::ssize(part), (count + world - 1) / world);
          padding.insert(padding.end(), part.begin(), part.end());
        }
        Ints expected = order;
        while (std::ssize(expected) % world != 0) expected.push_back(order[expected.size() - order.size()]);
        EXPECT_EQ(sorted(padding), sorted(expected));
      }
    }
  }
}

TEST(DistributedSampler, OfMoreProcessesThanSamples) {
  const auto parts = draws_of_all(SequentialSampler(2), 5, false, 0);
  EXPECT_EQ(parts, (std::vector<Ints>{{0}, {1}, {0}, {1}, {0}}));
}

// PyTorch has no such sampler: DistributedSampler there only shuffles.
TEST(DistributedSampler, OfAWeightedSampler) {
  const WeightedRandomSampler whole({1, 2, 7}, 10000, {.seed = 5});
  const auto parts = draws_of_all(whole, 2, true, 4);
  const Ints order = draw(whole, 4);
  for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(parts[i % 2][i / 2], order[i]);
}

TEST(DistributedSampler, ChecksItsArguments) {
  const auto text = [](std::int64_t count, std::int64_t world, std::int64_t rank, bool drop) {
    return message_of<ValueError>(
        [&] { DistributedSampler(SequentialSampler(count), {.world_size = world, .rank = rank, .drop_last = drop}); });
  };
  EXPECT_CONTAINS(text(5, 0, 0, false), "world_size is 0");
  EXPECT_CONTAINS(text(5, 2, 2, false), "rank is 2 (valid: 0..1)");
  EXPECT_CONTAINS(text(5, 2, -1, false), "rank is -1");
  EXPECT_CONTAINS(text(3, 4, 0, true), "3 samples are too few for 4 processes (valid: at least 4)");
  EXPECT_CONTAINS(text(0, 4, 0, false), "valid: at least 1)");
  EXPECT_CONTAINS(message_of<ValueError>([] { DistributedSampler{AnySampler()}; }), "the sampler is empty");
}

}  // namespace
}  // namespace perdita::data
