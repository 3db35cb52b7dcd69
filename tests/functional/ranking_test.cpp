// Losses of rankings, against their definitions as loops over pairs, and differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "functional/refusal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using Numbers = std::vector<double>;
using Integers = std::vector<std::int64_t>;

const double infinity = std::numeric_limits<double>::infinity();
const Numbers scores{0.2, 1.1, -0.4, 0.5, 0.5, -1.0, 2.0, 0.7, 0.3, -0.6}, labels{2, 0, 1, 0, 3, 1, 0, 2, 1, 1};
const Integers sizes{3, 0, 4, 1, 2};

/// A group of 100 documents, so that registers are filled more than once.
Tensor many_scores(std::uint64_t seed) { return Tensor::randn({100}, seed, 0, DType::float64) * 2.0; }
Tensor many_labels(std::uint64_t seed) {
  return (Tensor::rand({100}, seed, 1, DType::float64) * 4.0).to(DType::int64).to(DType::float64);
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double gain(double label) { return std::exp2(label) - 1; }
double discount(double rank) { return 1 / std::log2(1 + rank); }

double ideal_dcg(const Numbers& l, std::size_t k) {
  Numbers best = l;
  std::sort(best.begin(), best.end(), std::greater{});
  double sum = 0;
  for (std::size_t i = 0; i < std::min(k, best.size()); ++i)
    sum += gain(best[i]) * discount(static_cast<double>(i) + 1);
  return sum;
}

/// 1 + the number of documents with a larger score, or an equal one before it.
Numbers ranks(const Numbers& s) {
  Numbers found(s.size(), 1);
  for (std::size_t i = 0; i < s.size(); ++i)
    for (std::size_t j = 0; j < s.size(); ++j) found[i] += s[j] > s[i] || (s[j] == s[i] && j < i) ? 1 : 0;
  return found;
}

double rank_net(const Numbers& s, const Numbers& l, double sigma) {
  double sum = 0;
  for (std::size_t i = 0; i < s.size(); ++i)
    for (std::size_t j = 0; j < s.size(); ++j)
      if (l[i] > l[j]) sum += softplus(-sigma * (s[i] - s[j]));
  return sum;
}

double lambda_rank(const Numbers& s, const Numbers& l, const LambdaRank& loss) {
  const auto k = static_cast<double>(loss.k);
  const Numbers rank = ranks(s);
  const double ideal = ideal_dcg(l, static_cast<std::size_t>(loss.k));
  const bool divides = loss.normalize && *std::min_element(s.begin(), s.end()) != *std::max_element(s.begin(), s.end());
  double sum = 0, slopes = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (!(l[i] > l[j]) || std::min(rank[i], rank[j]) > k) continue;
      double w = (gain(l[i]) - gain(l[j])) * std::abs(discount(rank[i]) - discount(rank[j])) / ideal;
      if (divides) w /= 0.01 + std::abs(s[i] - s[j]);
      sum += w * softplus(-loss.sigma * (s[i] - s[j]));
      slopes += loss.sigma * w / (1 + std::exp(loss.sigma * (s[i] - s[j])));
    }
  }
  return loss.normalize && slopes > 0 ? sum * std::log2(1 + 2 * slopes) / (2 * slopes) : sum;
}

double list_mle(const Numbers& s, const Numbers& l, const ListMle& loss) {
  std::vector<std::size_t> order(s.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return l[a] > l[b]; });
  const double n = static_cast<double>(s.size());
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < s.size(); ++i) total += std::exp2(n - static_cast<double>(i) - 1) - 1;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (loss.k > 0 && i >= static_cast<std::size_t>(loss.k)) break;
    double rest = 0;
    for (std::size_t j = i; j < s.size(); ++j) rest += std::exp(s[order[j]]);
    const double weight = loss.position_aware ? (std::exp2(n - static_cast<double>(i) - 1) - 1) / total : 1;
    if (weight > 0) sum += weight * (std::log(rest) - s[order[i]]);
  }
  return sum;
}

double approx_ndcg(const Numbers& s, const Numbers& l, double alpha) {
  const double ideal = ideal_dcg(l, l.size());
  if (ideal == 0) return 0;
  double dcg = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    double rank = 1;
    for (std::size_t j = 0; j < s.size(); ++j)
      if (j != i) rank += 1 / (1 + std::exp(-alpha * (s[j] - s[i])));
    dcg += gain(l[i]) * discount(rank);
  }
  return 1 - dcg / ideal;
}

/// Compares the losses of groups with a definition of one of them.
template <class Call, class Defined>
void expect_defined(const Call& call, const Defined& defined) {
  std::size_t begin = 0;
  const Numbers found =
      call(Tensor::from(scores), Tensor::from(labels), Tensor::from(sizes)).template to_vector<double>();
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    const std::size_t end = begin + static_cast<std::size_t>(sizes[g]);
    const Numbers s(scores.begin() + static_cast<std::ptrdiff_t>(begin),
                    scores.begin() + static_cast<std::ptrdiff_t>(end));
    const Numbers l(labels.begin() + static_cast<std::ptrdiff_t>(begin),
                    labels.begin() + static_cast<std::ptrdiff_t>(end));
    EXPECT_NEAR(found[g], s.empty() ? 0 : defined(s, l), 1e-12) << "group " << g;
    begin = end;
  }
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Tensor s = many_scores(seed), l = many_labels(seed);
    const double expected = defined(s.to_vector<double>(), l.to_vector<double>());
    const double value = call(s.unsqueeze(0), l.unsqueeze(0), Tensor()).item();
    EXPECT_NEAR(value, expected, 1e-10 * std::max(1.0, expected)) << "seed " << seed;
  }
}

TEST(Ranking, LossesAreTheirDefinitions) {
  const LossOptions none{.reduction = Reduction::none};
  for (double sigma : {1.0, 0.25}) {
    expect_defined([&](const Tensor& s, const Tensor& l,
                       const Tensor& g) { return F::rank_net_loss(s, l, g, RankNet{.sigma = sigma}, none); },
                   [&](const Numbers& s, const Numbers& l) { return rank_net(s, l, sigma); });
  }
  for (const LambdaRank& loss : {LambdaRank{}, LambdaRank{.k = 2}, LambdaRank{.sigma = 2, .k = 1},
                                 LambdaRank{.normalize = true}, LambdaRank{.sigma = 0.5, .k = 3, .normalize = true}}) {
    expect_defined(
        [&](const Tensor& s, const Tensor& l, const Tensor& g) { return F::lambda_rank_loss(s, l, g, loss, none); },
        [&](const Numbers& s, const Numbers& l) { return lambda_rank(s, l, loss); });
  }
  for (const ListMle& loss : {ListMle{}, ListMle{.k = 2}, ListMle{.position_aware = true}}) {
    expect_defined(
        [&](const Tensor& s, const Tensor& l, const Tensor& g) { return F::list_mle_loss(s, l, g, loss, none); },
        [&](const Numbers& s, const Numbers& l) { return list_mle(s, l, loss); });
  }
  for (double alpha : {10.0, 1.0}) {
    expect_defined([&](const Tensor& s, const Tensor& l,
                       const Tensor& g) { return F::approx_ndcg_loss(s, l, g, ApproxNdcg{.alpha = alpha}, none); },
                   [&](const Numbers& s, const Numbers& l) { return approx_ndcg(s, l, alpha); });
  }
}

TEST(Ranking, GradientsAgreeWithDifferences) {
  const Tensor l = Tensor::from(labels), groups = Tensor::from(sizes);
  // Without equal scores: ranks may not change within a difference.
  Numbers distinct = scores;
  distinct[4] = 0.6;
  const auto check = [&](const auto& call) {
    for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      Tensor s = Tensor::from(distinct), weight = Tensor::from(Numbers{1, 3, 0.5, 2, 0});
      const Tensor upstream = Tensor::randn({5}, 3, 0, DType::float64);
      const auto reduced = [&](const std::vector<Tensor>& x) {
        const Tensor value = call(x[0], LossOptions{.weight = x.size() > 1 ? x[1] : weight, .reduction = reduction});
        return value.rank() > 0 ? value * upstream : value;
      };
      s.set_requires_grad();
      EXPECT_EQ(check_gradient(reduced, {s}, {.second_order = true}), "");
      weight = weight.clone();
      weight.set_requires_grad();
      EXPECT_EQ(check_gradient(reduced, {s, weight}), "");
    }
  };
  check([&](const Tensor& s, const LossOptions& options) {
    return F::rank_net_loss(s, l, groups, RankNet{.sigma = 2}, options);
  });
  check([&](const Tensor& s, const LossOptions& options) {
    return F::lambda_rank_loss(s, l, groups, LambdaRank{.k = 2}, options);
  });
  check([&](const Tensor& s, const LossOptions& options) { return F::list_mle_loss(s, l, groups, options); });
  check([&](const Tensor& s, const LossOptions& options) {
    return F::list_mle_loss(s, l, groups, ListMle{.k = 2, .position_aware = true}, options);
  });
  check([&](const Tensor& s, const LossOptions& options) {
    return F::approx_ndcg_loss(s, l, groups, ApproxNdcg{.alpha = 2}, options);
  });
}

// The gradient by recorded operators, whose weights of pairs are computed elsewhere.
TEST(Ranking, KernelsAgreeWithRecordedOperators) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const LambdaRank& loss :
         {LambdaRank{}, LambdaRank{.normalize = true}, LambdaRank{.k = 5, .normalize = true}}) {
      Tensor s = many_scores(seed);
      s.set_requires_grad();
      const Tensor l = many_labels(seed).unsqueeze(0);
      F::lambda_rank_loss(s.unsqueeze(0), l, loss).backward();
      const Numbers by_kernel = s.grad().to_vector<double>();
      const std::vector<Tensor> value{F::lambda_rank_loss(s.unsqueeze(0), l, loss)}, leaves{s};
      const Numbers expected = grad(value, leaves, {.create_graph = true})[0].to_vector<double>();
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(by_kernel[i], expected[i], 1e-12) << "seed " << seed << ", document " << i;
    }
  }
}

TEST(Ranking, AGroupWithNanHasNoOrderInRecordedOperatorsToo) {
  Tensor s = Tensor::from({0.3, std::nan(""), 1.0, 0.1, 0.5, -0.2}, {2, 3});
  s.set_requires_grad();
  const Tensor l = Tensor::from({1.0, 0.0, 2.0, 1.0, 0.0, 2.0}, {2, 3});
  const Tensor losses = F::lambda_rank_loss(s, l, LambdaRank{}, {.reduction = Reduction::none});
  const std::vector<Tensor> value{sum(losses)}, leaves{s};
  const Numbers slopes = grad(value, leaves, {.create_graph = true})[0].to_vector<double>();
  for (std::size_t i = 0; i < slopes.size(); ++i) EXPECT_EQ(std::isnan(slopes[i]), i < 3) << i;
}

TEST(Ranking, AMeanOfRankNetIsThatOfThePairs) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels), groups = Tensor::from(sizes);
  LossExtras extras;
  const double mean = F::rank_net_loss(s, l, groups, RankNet{}, {.extras = &extras}).item();
  EXPECT_EQ(extras.denominator, 8);  // 3 of the first group, 5 of the second
  EXPECT_NEAR(mean, F::rank_net_loss(s, l, groups, RankNet{}, {.reduction = Reduction::sum}).item() / 8, 1e-14);
  EXPECT_NEAR(mean, 1.340753684, 1e-9);  // of allRank 1.4.3 and rax 0.4.0
  const Tensor alike = Tensor::ones({2, 3}, DType::float64);
  EXPECT_EQ(F::rank_net_loss(alike, alike).item(), 0);
  EXPECT_TRUE(std::isnan(F::rank_net_loss(Tensor::empty({0, 3}), Tensor::empty({0, 3})).item()));
}

TEST(Ranking, OfLargeInfiniteAndUndefinedScores) {
  const auto of = [&](const Numbers& s, const Numbers& l) {
    const Tensor scores_of_two = Tensor::from(s, {1, 2}), labels_of_two = Tensor::from(l, {1, 2});
    return Numbers{F::rank_net_loss(scores_of_two, labels_of_two).item(),
                   F::lambda_rank_loss(scores_of_two, labels_of_two).item(),
                   F::list_mle_loss(scores_of_two, labels_of_two).item(),
                   F::approx_ndcg_loss(scores_of_two, labels_of_two).item()};
  };
  const double change = 1 - 1 / std::log2(3.0);
  EXPECT_EQ(of({1e30, -1e30}, {1, 0}), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(of({-1e30, 1e30}, {1, 0})[0], 2e30);
  EXPECT_DOUBLE_EQ(of({-1e30, 1e30}, {1, 0})[1], 2e30 * change);
  EXPECT_EQ(of({-1e30, 1e30}, {1, 0})[2], 2e30);
  EXPECT_DOUBLE_EQ(of({-1e30, 1e30}, {1, 0})[3], change);
  EXPECT_EQ(of({0, -infinity}, {1, 0}), (Numbers{0, 0, 0, 0}));
  for (const double loss : of({std::nan(""), 0}, {1, 0})) EXPECT_TRUE(std::isnan(loss));
  // Beyond 2^1023 position weights are still finite.
  const Tensor long_list = Tensor::randn({1, 2000}, 7, 0, DType::float64);
  EXPECT_TRUE(std::isfinite(F::list_mle_loss(long_list, long_list * 0.0, ListMle{.position_aware = true}).item()));
}

TEST(Ranking, IsTheSameForAnyOrderOfGroupsAndShiftsOfScores) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels);
  const Tensor first = cat({s.slice(0, 3, 10), s.slice(0, 0, 3)}),
               of_first = cat({l.slice(0, 3, 10), l.slice(0, 0, 3)});
  const Tensor groups = Tensor::from(Integers{3, 4, 1, 2}), moved = Tensor::from(Integers{4, 1, 2, 3});
  EXPECT_NEAR(F::lambda_rank_loss(s, l, groups).item(), F::lambda_rank_loss(first, of_first, moved).item(), 1e-14);
  EXPECT_NEAR(F::list_mle_loss(s, l, groups).item(), F::list_mle_loss(s + 100.0, l, groups).item(), 1e-12);
  EXPECT_NEAR(F::approx_ndcg_loss(s, l, groups).item(), F::approx_ndcg_loss(s - 3.0, l, groups).item(), 1e-12);
}

TEST(Ranking, RefusesWhatItCannotUse) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels);
  EXPECT_EQ(refusal<ShapeError>([&] { F::rank_net_loss(s, l); }),
            "rank_net_loss: input has shape [10] (valid: [G, L], or [N] with groups)");
  EXPECT_EQ(refusal<ValueError>([&] { F::lambda_rank_loss(s, l * 1000.0, Tensor::from(sizes)); }),
            "lambda_rank_loss: target[0] is 2000 (valid: 0..1000)");
  EXPECT_EQ(refusal<ValueError>([&] { F::approx_ndcg_loss(s, -l, Tensor::from(sizes)); }),
            "approx_ndcg_loss: target[0] is -2 (valid: 0 or more)");
  EXPECT_NE(
      refusal<ValueError>([&] { F::lambda_rank_loss(s, l, Tensor::from(sizes), LambdaRank{.k = 0}); }).find("k is 0"),
      std::string::npos);
}

}  // namespace
}  // namespace perdita
