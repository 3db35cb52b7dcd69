// LambdaMART against its definition: derivatives of the pairwise loss with constant weights, by finite differences.
#include "perdita/boosting/lambda_rank.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::boosting {
namespace {

struct Documents {
  std::vector<double> s, l, g, h;
  std::vector<std::int64_t> sizes;
  Documents(std::vector<std::int64_t> groups, unsigned seed) : sizes(std::move(groups)) {
    std::mt19937 random(seed);
    for (const std::int64_t size : sizes) {
      for (std::int64_t i = 0; i < size; ++i) {
        s.push_back(std::normal_distribution<double>()(random));
        l.push_back(static_cast<double>(random() % 4));
      }
    }
    g.resize(s.size()), h.resize(s.size());
  }
  RankedPairs<double, double> view() { return {{s.data()}, {l.data()}, {}, {g.data()}, {h.data()}, sizes}; }
};

int rank_of(const Documents& data, std::size_t document) {
  int rank = 1;
  for (const double other : data.s) rank += other > data.s[document];
  return rank;
}

/// The weight of a pair by its definition, for one group.
double weight_of(const Documents& data, std::size_t i, std::size_t j, int k) {
  const int a = rank_of(data, i), b = rank_of(data, j);
  if (std::min(a, b) > k) return 0;
  std::vector<double> sorted = data.l;
  std::sort(sorted.rbegin(), sorted.rend());
  double ideal = 0;
  for (std::size_t r = 0; r < std::min(sorted.size(), static_cast<std::size_t>(k)); ++r)
    ideal += (std::pow(2, sorted[r]) - 1) / std::log2(2.0 + static_cast<double>(r));
  return (std::pow(2, data.l[i]) - std::pow(2, data.l[j])) * std::abs(1 / std::log2(1 + a) - 1 / std::log2(1 + b)) /
         ideal;
}

TEST(LambdaRank, IsTheDerivativeOfPairsWithConstantWeights) {
  for (const int k : {2, 30}) {
    Documents data({9}, 3);
    const double sigma = 1.5, step = 1e-4;
    lambda_rank_pairs(data.view(), 9, {.k = k, .sigma = sigma, .normalize = false});
    for (std::size_t d = 0; d < 9; ++d) {
      const auto loss = [&](double shift) {
        double sum = 0;
        for (std::size_t i = 0; i < 9; ++i) {
          for (std::size_t j = 0; j < 9; ++j) {
            if (data.l[i] <= data.l[j]) continue;
            const double difference = data.s[i] - data.s[j] + shift * ((i == d) - (j == d));
            sum += weight_of(data, i, j, k) * std::log1p(std::exp(-sigma * difference));
          }
        }
        return sum;
      };
      EXPECT_NEAR(data.g[d], (loss(step) - loss(-step)) / (2 * step), 1e-7) << d;
      EXPECT_NEAR(data.h[d], (loss(step) - 2 * loss(0) + loss(-step)) / (step * step), 1e-6) << d;
    }
  }
}

TEST(LambdaRank, NormalizesByDistancesAndByTheSum) {
  Documents data({2}, 1);
  data.s = {0.5, 2.0}, data.l = {1, 0};
  lambda_rank_pairs(data.view(), 2, {});
  const double weight = (1 - 1 / std::log2(3.0)) / (0.01 + 1.5), p = 1 / (1 + std::exp(-1.5));
  const double factor = std::log2(1 + 2 * weight * p) / (2 * weight * p);
  EXPECT_NEAR(data.g[0], -factor * weight * p, 1e-15);
  EXPECT_NEAR(data.g[1], factor * weight * p, 1e-15);
  EXPECT_NEAR(data.h[0], factor * weight * p * (1 - p), 1e-15);
}

TEST(LambdaRank, GroupsAreIndependent) {
  Documents all({5, 0, 1, 70}, 7);
  set_num_threads(3);
  const PairReport report = lambda_rank_pairs(all.view(), 76, {});
  set_num_threads(1);
  Documents last({5, 0, 1, 70}, 7);
  lambda_rank_pairs(last.view(), 76, {});
  EXPECT_EQ(all.g, last.g);
  EXPECT_EQ(all.h, last.h);
  EXPECT_EQ(all.g[5], 0);
  EXPECT_GE(report.clipped, 1);
  Documents one({70}, 1);
  one.s.assign(last.s.begin() + 6, last.s.end()), one.l.assign(last.l.begin() + 6, last.l.end());
  lambda_rank_pairs(one.view(), 70, {});
  EXPECT_TRUE(std::equal(one.g.begin(), one.g.end(), last.g.begin() + 6));
}

TEST(Ndcg, IsThatOfTheDefinition) {
  const std::vector<double> s{3, 2, 1, 5, 4}, l{0, 1, 2, 0, 0};
  const std::vector<std::int64_t> sizes{3, 2};
  const double dcg = 1 / std::log2(3.0) + 3 / 2.0, ideal = 3 + 1 / std::log2(3.0);
  EXPECT_NEAR(ndcg<double>({s.data()}, {l.data()}, sizes, 5, 10), (dcg / ideal + 1) / 2, 1e-15);
  EXPECT_NEAR(ndcg<double>({s.data()}, {l.data()}, sizes, 5, 1), (0.0 + 1) / 2, 1e-15);
}

TEST(LambdaRank, NamesWhatIsWrong) {
  Documents data({3, 2}, 1);
  EXPECT_THROW(lambda_rank_pairs(data.view(), 6, {}), ShapeError);
  EXPECT_THROW(lambda_rank_pairs(data.view(), 5, {.k = 0}), ValueError);
  EXPECT_THROW(lambda_rank_pairs(data.view(), 5, {.sigma = 0}), ValueError);
  data.l[4] = -1;
  try {
    lambda_rank_pairs(data.view(), 5, {});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "lambda_rank: relevance[4] is -1 (valid: finite, 0 or more)");
  }
  data.l[4] = 1, data.s[3] = std::nan("");
  EXPECT_EQ(lambda_rank_pairs(data.view(), 5, {}).not_finite, 3);
}

}  // namespace
}  // namespace perdita::boosting
