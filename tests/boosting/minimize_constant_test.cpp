// The constant that minimizes a loss: closed forms, and the weighted loss of its neighbours.
#include "perdita/boosting/minimize_constant.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "perdita/core/error.hpp"

namespace perdita::boosting {
namespace {

double constant(const char* loss, const std::vector<double>& targets, const std::vector<double>& weights = {}) {
  return minimize_constant(parse_loss(loss), {targets.data()}, {weights.empty() ? nullptr : weights.data()},
                           std::ssize(targets));
}

double loss_at(const char* loss, double score, const std::vector<double>& targets, const std::vector<double>& weights) {
  return element_sums<double>(parse_loss(loss),
                              {{&score, 0}, {targets.data()}, {weights.data()}, {}, {}, std::ssize(targets)})
      .loss;
}

TEST(MinimizeConstant, IsExactForMeansAndQuantiles) {
  const std::vector<double> t{1, 2, 6, 0.5}, w{1, 2, 1, 4};
  EXPECT_EQ(constant("mse", t, w), 13.0 / 8);
  EXPECT_NEAR(constant("poisson_nll", t, w), std::log(13.0 / 8), 1e-15);
  EXPECT_NEAR(constant("gamma_nll", t), std::log(9.5 / 4), 1e-15);
  EXPECT_NEAR(constant("tweedie", t), std::log(9.5 / 4), 1e-15);
  EXPECT_EQ(constant("l1", t), 1);
  EXPECT_EQ(constant("quantile:q=0.75", t), 2);
  EXPECT_EQ(constant("quantile:q=0.9", t), 6);
  EXPECT_EQ(constant("quantile:q=0.5", t, w), 0.5);
  EXPECT_NEAR(constant("binary_cross_entropy_with_logits", {1, 0, 0, 0}), std::log(1.0 / 3), 1e-14);
  EXPECT_NEAR(constant("cross_entropy", {1, 0, 0, 0}, {3, 1, 1, 1}), 0, 1e-14);
}

TEST(MinimizeConstant, IsTheMinimumOfOtherLosses) {
  std::mt19937 random(2);
  std::vector<double> values, labels, signs, weights;
  for (int i = 0; i < 500; ++i) {
    values.push_back(1e5 + std::exp(std::normal_distribution<double>(3, 2)(random)));
    labels.push_back(random() % 10 == 0);
    signs.push_back(labels.back() == 0 ? -1 : 1);
    weights.push_back(std::uniform_real_distribution<double>(0, 3)(random));
  }
  const auto check = [&](const char* loss, const std::vector<double>& targets) {
    const double c = constant(loss, targets, weights);
    const double step = 1e-4 * std::max(1.0, std::abs(c) * 1e-2), least = loss_at(loss, c, targets, weights);
    EXPECT_LE(least, loss_at(loss, c - step, targets, weights)) << loss << " at " << c;
    EXPECT_LE(least, loss_at(loss, c + step, targets, weights)) << loss << " at " << c;
  };
  for (const char* loss :
       {"huber:delta=10", "log_cosh", "charbonnier:eps=3", "smooth_l1", "formula: (y - t)^2 + abs(y)"})
    check(loss, values);
  for (const char* loss :
       {"binary_focal", "focal:gamma=3", "asymmetric", "symmetric_cross_entropy", "generalized_cross_entropy"})
    check(loss, labels);
  check("soft_margin", signs);
}

TEST(MinimizeConstant, OfClassesHasAGradientOfZero) {
  const std::vector<std::int32_t> labels{0, 1, 1, 2, 2, 2, 2, 1, 0, 2};
  for (const char* text : {"cross_entropy", "cross_entropy:label_smoothing=0.2", "focal", "poly_1", "balanced_softmax",
                           "ldam:scale=1", "generalized_cross_entropy:q=0.3"}) {
    SCOPED_TRACE(text);
    const std::vector<double> counts{2, 3, 5};
    const AnyLoss loss = parse_loss(text);
    const std::vector<double> c = minimize_constant_of_classes(loss, {labels.data()}, {}, 10, 3, counts);
    EXPECT_NEAR(std::accumulate(c.begin(), c.end(), 0.0), 0, 1e-12);
    std::vector<double> g(30), h(30);
    class_pairs<double, double>(
        loss, {{c.data(), 0, 1}, {labels.data()}, {}, {g.data(), 3, 1}, {h.data(), 3, 1}, 10, 3, counts}, {});
    for (std::size_t k = 0; k < 3; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < 10; ++i) sum += g[3 * i + k];
      EXPECT_NEAR(sum, 0, 1e-7) << k;
    }
  }
  const std::vector<double> c = minimize_constant_of_classes(parse_loss("cross_entropy"), {labels.data()}, {}, 10, 3);
  EXPECT_NEAR(c[2] - c[0], std::log(2.5), 1e-14);
}

TEST(MinimizeConstant, IsFiniteWhereAllLabelsAreEqual) {
  EXPECT_NEAR(constant("binary_cross_entropy_with_logits", {1, 1}), std::log(1e15), 1e-1);
  EXPECT_NEAR(constant("soft_margin", {-1, -1}), -std::log(1e15), 1e-1);
  EXPECT_TRUE(std::isfinite(constant("poisson_nll", {0, 0})));
}

TEST(MinimizeConstant, NamesWhatIsWrong) {
  const auto message = [](auto call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(message([] { constant("mse", {}); }), "minimize_constant: loss mse has no targets (valid: 1 or more)");
  EXPECT_EQ(message([] {
              constant("mse", {1, 2}, {1, -1});
            }),
            "minimize_constant: weight[1] is -1 (valid: finite, 0 or more)");
  EXPECT_EQ(message([] { constant("mse", {1}, {0}); }),
            "minimize_constant: the weights are all 0 (valid: a positive sum)");
  EXPECT_NE(message([] { constant("formula: exp(y) * 0 - y", {1}); }).find("no minimum"), std::string::npos);
}

}  // namespace
}  // namespace perdita::boosting
