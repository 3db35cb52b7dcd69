// Single values: PyTorch's, where its definitions have edges, and exact ones where PyTorch is unsound.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "samples.hpp"

namespace perdita {
namespace {

using testing::slope_at;
using testing::value_at;
constexpr double inf = std::numeric_limits<double>::infinity();

TEST(Values, BinaryCrossEntropyClampsAsPyTorch) {
  const BinaryCrossEntropy loss;
  EXPECT_EQ(value_at(loss, 0, 1), 100);
  EXPECT_NEAR(slope_at(loss, 0, 1), -1e12, 5e3);
  EXPECT_NEAR(slope_at(loss, 1, 0), 1e12, 5e3);
  EXPECT_EQ(value_at(loss, 0, 0), 0);
  EXPECT_EQ(slope_at(loss, 0, 0), 0);
  EXPECT_EQ(value_at(loss, 1, 1), 0);
  EXPECT_EQ(slope_at(loss, 1, 1), 0);
  EXPECT_EQ(value_at(loss, 0, 0.5), 50);
  EXPECT_NEAR(slope_at(loss, 0, 0.5), -5e11, 3e3);
  EXPECT_NEAR(value_at(loss, 1e-13, 1), 29.933606208922594, 1e-12);
}

TEST(Values, BinaryCrossEntropyWithLogitsAtLargeLogits) {
  const BinaryCrossEntropyWithLogits loss;
  EXPECT_EQ(value_at(loss, 1000, 0), 1000);
  EXPECT_EQ(slope_at(loss, 1000, 0), 1);
  EXPECT_EQ(value_at(loss, 1000, 1), 0);
  EXPECT_EQ(value_at(loss, -1000, 0.5), 500);
  EXPECT_EQ(slope_at(loss, -1000, 0.5), -0.5);
  EXPECT_EQ(value_at(loss, inf, 0), inf);
  EXPECT_TRUE(std::isnan(value_at(loss, inf, 1)));
  // exp(-40) to all digits: sigmoid(40) - 1 would have given 0
  EXPECT_NEAR(slope_at(loss, 40, 1) / -4.2483542552915889e-18, 1, 1e-14);
  EXPECT_EQ(slope_at(loss, 0, 1), -0.5);
}

TEST(Values, SoftMarginDoesNotOverflow) {
  EXPECT_EQ(value_at(SoftMargin{}, -1000, 1), 1000);
  EXPECT_EQ(slope_at(SoftMargin{}, -1000, 1), -1);
}

TEST(Values, Kinks) {
  EXPECT_EQ(slope_at(L1{}, 2, 2), 0);
  EXPECT_EQ(slope_at(SmoothL1{}, 3, 2), 1);
  EXPECT_EQ(slope_at(SmoothL1{}, 1, 2), -1);
  EXPECT_EQ(slope_at(SmoothL1{.beta = 0}, 2, 2), 0);
  EXPECT_EQ(slope_at(Huber{.delta = 2}, 4, 2), 2);
  EXPECT_EQ(slope_at(HingeEmbedding{}, 1, -1), -1);
}

TEST(Values, InfiniteResidualsHaveFiniteSlopes) {
  for (double sign : {1.0, -1.0}) {
    EXPECT_EQ(value_at(Huber{.delta = 3}, sign * inf, 0), inf);
    EXPECT_EQ(slope_at(Huber{.delta = 3}, sign * inf, 0), sign * 3);
    EXPECT_EQ(slope_at(SmoothL1{}, sign * inf, 0), sign);
  }
  EXPECT_TRUE(std::isnan(value_at(Huber{}, inf, inf)));
}

// mpmath with 50 digits: log(cosh(r)), tanh(r).
TEST(Values, LogCoshNearAndFar) {
  EXPECT_NEAR(value_at(LogCosh{}, 1.5, 1) / 0.12011450695827752, 1, 1e-15);
  EXPECT_NEAR(slope_at(LogCosh{}, 1.5, 1) / 0.46211715726000976, 1, 1e-15);
  EXPECT_NEAR(value_at(LogCosh{}, 1e-8, 0) / 5e-17, 1, 1e-15);
  EXPECT_EQ(value_at(LogCosh{}, -1e30, 0), 1e30);
  EXPECT_EQ(slope_at(LogCosh{}, -1e30, 0), -1);
}

TEST(Values, HingeEmbeddingAddsBothTermsForOtherTargets) {
  EXPECT_EQ(value_at(HingeEmbedding{}, 0.25, 1), 0.25);
  EXPECT_EQ(value_at(HingeEmbedding{}, 0.25, -1), 0.75);
  EXPECT_EQ(value_at(HingeEmbedding{}, 0.25, 0), 1.0);
}

TEST(Values, KlDivOfAnImpossibleOutcomeIsZero) {
  EXPECT_EQ(value_at(KlDiv{}, -inf, 0), 0);
  EXPECT_EQ(slope_at(KlDiv{}, -inf, 0), 0);
  EXPECT_EQ(value_at(KlDiv{.log_target = true}, -1, -inf), 0);
  EXPECT_TRUE(std::isnan(value_at(KlDiv{}, -1, -0.5)));
}

TEST(Values, PoissonNllAddsStirlingAboveOne) {
  EXPECT_NEAR(value_at(PoissonNll{.log_input = false}, 0, 1), 18.420680743952367, 1e-9);
  EXPECT_NEAR(slope_at(PoissonNll{.log_input = false}, 0, 1), -99999999, 1);
  EXPECT_EQ(value_at(PoissonNll{.full = true}, 0, 1), 1);
  // log(5!) by Stirling: 5 log 5 - 5 + log(10 pi) / 2
  EXPECT_NEAR(value_at(PoissonNll{.full = true}, 0, 5), 1 + 5 * std::log(5.0) - 5 + 0.5 * std::log(10 * M_PI), 1e-14);
}

// torchvision's sigmoid_focal_loss: p = sigmoid(x), alpha_t (1 - p_t)^gamma bce.
TEST(Values, BinaryFocalIsTheTextbookDefinition) {
  for (double x : {-3.0, 0.5, 2.0}) {
    for (double t : {0.0, 1.0, 0.3}) {
      const double p = 1 / (1 + std::exp(-x)), p_t = p * t + (1 - p) * (1 - t);
      const double bce = -(t * std::log(p) + (1 - t) * std::log(1 - p));
      const double expected = (0.25 * t + 0.75 * (1 - t)) * std::pow(1 - p_t, 2) * bce;
      EXPECT_NEAR(value_at(BinaryFocal{}, x, t), expected, 1e-14);
    }
  }
  EXPECT_NEAR(value_at(BinaryFocal{.gamma = 0, .alpha_by_class = false}, 0, 1), 0.25 * std::log(2), 1e-15);
}

TEST(Values, GaussianNllClampsTheVarianceOutsideTheGraph) {
  const GaussianNll loss;
  const auto by_variance = [&](double y, double t, double v) {
    return loss(testing::Real(y), testing::Real(t), Dual<testing::Real>{testing::Real(v), testing::Real(1.0)}).d[0];
  };
  EXPECT_NEAR(by_variance(0, 0, 0), 500000, 1e-6);
  EXPECT_NEAR(by_variance(1, 0, 1e-9), -499999500000, 1);
  EXPECT_NEAR(loss(testing::Real(1), testing::Real(3), testing::Real(4))[0], 0.5 * (std::log(4) + 1), 1e-15);
}

TEST(Values, FocalOfACertainRowIsZero) {
  for (double gamma : {0.0, 0.5, 2.0}) {
    const Focal loss{.gamma = gamma};
    EXPECT_EQ(value_at(loss, 0, 1), 0);
    EXPECT_EQ(value_at(loss, -1, 0), 0);
    EXPECT_FALSE(std::isnan(slope_at(loss, 0, 1)));
  }
  EXPECT_NEAR(value_at(Focal{.gamma = 2}, std::log(0.25), 1), -0.5625 * std::log(0.25), 1e-15);
}

}  // namespace
}  // namespace perdita
