// As many categories as the issue of PyTorch's sampler is about, and more: a quarter of a minute, and 3 GB.
#include <cstdint>
#include <vector>

#include "data/draws.hpp"
#include "perdita/core/random.hpp"
#include "perdita/data/weighted_sampler.hpp"

namespace perdita::data {
namespace {

// Two epochs of as many draws as there are categories, so that their indices need not be held all at once. Weights are
// computed anew from the seed rather than kept beside the table.
TEST(WeightedSampler, HundredMillionCategoriesPassAChiSquareTest) {
  constexpr std::uint64_t seed = 18;
  constexpr std::size_t categories = 100'000'000, epochs = 2;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Philox random(seed, 1);
  const auto weight = [&](std::size_t i) { return 0.5 + random.uniform(i); };
  double sum = 0;
  const WeightedRandomSampler sampler = [&] {
    std::vector<double> weights(categories);
    for (std::size_t i = 0; i < categories; ++i) sum += weights[i] = weight(i);
    return WeightedRandomSampler(weights, static_cast<std::int64_t>(categories), {.seed = seed});
  }();
  std::vector<std::uint8_t> seen(categories);  // 15 on average at most
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    for (std::int64_t i : draw(sampler, epoch)) ++seen[static_cast<std::size_t>(i)];
  }
  ChiSquare chi_square;
  for (std::size_t i = 0; i < categories; ++i) {
    chi_square.add(static_cast<double>(categories * epochs) * weight(i) / sum, seen[i]);
  }
  EXPECT_LT(std::abs(chi_square.excess()), 5);
}

}  // namespace
}  // namespace perdita::data
