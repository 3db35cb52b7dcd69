// Listwise cross-entropy, against its definition as loops and values of other packages.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

// Four queries with 3, 4, 1 and 2 documents; values of allRank 1.4.3 and rax 0.4.0.
const Numbers scores{0.2, 1.1, -0.4, 0.5, 0.5, -1.0, 2.0, 0.7, 0.3, -0.6}, labels{2, 0, 1, 0, 3, 1, 0, 2, 1, 1};
const Integers sizes{3, 4, 1, 2}, ids{7, 7, 7, 2, 2, 2, 2, 9, 0, 0}, begins{0, 3, 7, 8, 10};

Numbers defined(const Numbers& s, const Numbers& l, const Integers& of_sizes, const ListNet& loss) {
  Numbers losses;
  std::size_t begin = 0;
  for (std::int64_t size : of_sizes) {
    const std::size_t end = begin + static_cast<std::size_t>(size);
    double sum = 0, of_labels = 0, exp_of_labels = 0, total = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += std::exp(s[i] / loss.temperature);
      of_labels += l[i];
      exp_of_labels += std::exp(l[i]);
    }
    for (std::size_t i = begin; i < end; ++i) {
      const double w = loss.relevance == RelevanceTarget::softmax  ? std::exp(l[i]) / exp_of_labels
                       : loss.relevance == RelevanceTarget::labels ? l[i]
                       : of_labels > 0                             ? l[i] / of_labels
                                                                   : 0.0;
      total += w * (std::log(sum) - s[i] / loss.temperature);
    }
    losses.push_back(total);
    begin = end;
  }
  return losses;
}

const std::vector<ListNet> variants{{},
                                    {.relevance = RelevanceTarget::labels},
                                    {.relevance = RelevanceTarget::normalized},
                                    {.relevance = RelevanceTarget::labels, .temperature = 0.25}};

TEST(ListNet, HasTheValuesOfOtherPackages) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels);
  EXPECT_NEAR(F::list_net_loss(s, l, Tensor::from(sizes)).item(), 1.0630245428842, 1e-12);
  const ListNet of_labels{.relevance = RelevanceTarget::labels};
  EXPECT_NEAR(F::list_net_loss(s, l, Tensor::from(sizes), of_labels).item(), 3.864700372, 1e-9);
}

TEST(ListNet, TakesGroupsAsIdsSizesAndBegins) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels);
  for (const ListNet& loss : variants) {
    const Numbers expected = defined(scores, labels, sizes, loss);
    for (const Integers& groups : {ids, sizes, begins}) {
      const Numbers found =
          F::list_net_loss(s, l, Tensor::from(groups), loss, {.reduction = Reduction::none}).to_vector<double>();
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t g = 0; g < found.size(); ++g) EXPECT_NEAR(found[g], expected[g], 1e-13);
    }
  }
  const Numbers rows =
      F::list_net_loss(s.reshape({2, 5}), l.reshape({2, 5}), {.reduction = Reduction::none}).to_vector<double>();
  const Numbers expected = defined(scores, labels, {5, 5}, {});
  for (std::size_t g = 0; g < 2; ++g) EXPECT_NEAR(rows[g], expected[g], 1e-13);
}

TEST(ListNet, GradientsAgreeWithDifferences) {
  const Tensor l = Tensor::from(labels), groups = Tensor::from(Integers{3, 0, 4, 1, 2});
  for (const ListNet& loss : variants) {
    for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      Tensor s = Tensor::from(scores), weight = Tensor::from(Numbers{1, 3, 0.5, 2, 0});
      const Tensor upstream = Tensor::randn({5}, 3, 0, DType::float64);
      const auto call = [&](const std::vector<Tensor>& x) {
        const Tensor w = x.size() > 1 ? x[1] : weight;
        const Tensor value = F::list_net_loss(x[0], l, groups, loss, {.weight = w, .reduction = reduction});
        return value.rank() > 0 ? value * upstream : value;
      };
      s.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {s}, {.second_order = true}), "");
      weight = weight.clone();
      weight.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {s, weight}), "");
    }
  }
}

TEST(ListNet, MatchesTheGradientOfOtherPackages) {
  Tensor s = Tensor::from(scores);
  s.set_requires_grad();
  F::list_net_loss(s, Tensor::from(labels), Tensor::from(sizes)).backward();
  const Numbers expected{-0.10394144335651, 0.13089484037279,  -0.026953397016276, 0.027207519854423,
                         -0.16515738486333, -0.01907804785876, 0.15702791286767,   0.0,
                         0.052737375656251, -0.052737375656251};
  const Numbers found = s.grad().to_vector<double>();
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13);
}

TEST(ListNet, OfLargeInfiniteAndUndefinedScores) {
  const double infinity = std::numeric_limits<double>::infinity();
  const ListNet of_labels{.relevance = RelevanceTarget::labels};
  const auto loss = [&](const Numbers& s, const Numbers& l) {
    return F::list_net_loss(Tensor::from(s, {1, 2}), Tensor::from(l, {1, 2}), of_labels).item();
  };
  EXPECT_EQ(loss({1e30, -1e30}, {1, 0}), 0);
  EXPECT_EQ(loss({1e30, -1e30}, {0, 1}), 2e30);
  EXPECT_EQ(loss({0, -infinity}, {1, 0}), 0);
  EXPECT_EQ(loss({0, -infinity}, {1, 1}), infinity);
  EXPECT_TRUE(std::isnan(loss({std::nan(""), 0}, {1, 0})));
  EXPECT_TRUE(std::isnan(F::list_net_loss(Tensor::empty({0, 3}), Tensor::empty({0, 3})).item()));
}

TEST(ListNet, IsConvexAndNeverNegative) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Tensor a = Tensor::randn({3, 4}, seed, 0, DType::float64) * 5.0,
                 b = Tensor::randn({3, 4}, seed, 1, DType::float64),
                 l = Tensor::rand({3, 4}, seed, 2, DType::float64) * 3.0;
    for (const ListNet& loss : variants) {
      const auto value = [&](const Tensor& s) { return F::list_net_loss(s, l, loss).item(); };
      EXPECT_GE(value(a), 0) << "seed " << seed;
      EXPECT_LE(value((a + b) * 0.5), 0.5 * (value(a) + value(b)) + 1e-12) << "seed " << seed;
    }
  }
}

TEST(ListNet, RefusesWhatItCannotUse) {
  const Tensor s = Tensor::from(scores), l = Tensor::from(labels);
  const auto with = [&](const Integers& groups) {
    return [&, groups] { F::list_net_loss(s, l, Tensor::from(groups)); };
  };
  EXPECT_EQ(refusal<ShapeError>([&] { F::list_net_loss(s, l); }),
            "list_net_loss: input has shape [10] (valid: [G, L], or [N] with groups)");
  EXPECT_EQ(refusal<ValueError>(with({1, 1, 2, 2, 1, 1, 1, 1, 1, 1})),
            "list_net_loss: groups holds 1 in separate places (valid: adjacent documents for each group)");
  EXPECT_EQ(refusal<ValueError>(with({3, 4})),
            "list_net_loss: groups has 2 elements, which add up to 7, but input has 10 (valid: the group of each "
            "document, sizes of groups that add up to 10, or the indices at which groups begin, from 0 to 10)");
  EXPECT_EQ(refusal<ValueError>(with({11, -1})), "list_net_loss: groups[1] is -1 (valid: sizes, 0 or more)");
  EXPECT_EQ(refusal<ValueError>([&] { F::list_net_loss(s, -l, Tensor::from(sizes)); }),
            "list_net_loss: target[0] is -2 (valid: 0 or more)");
  EXPECT_EQ(refusal<ShapeError>([&] { F::list_net_loss(s, l, Tensor::from(sizes), {.weight = l}); }),
            "list_net_loss: weight of shape [10] does not broadcast to the shape [4] of the losses");
}

}  // namespace
}  // namespace perdita
