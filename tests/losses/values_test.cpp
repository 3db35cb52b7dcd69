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
  EXPECT_EQ(value_at(loss, inf, 1), 0);
  EXPECT_EQ(value_at(loss, -inf, 1), inf);
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
  EXPECT_EQ(slope_at(HingeEmbedding{}, 1, -1), 0);
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
  EXPECT_NEAR(value_at(Focal{.alpha = 0.3, .gamma = 2}, std::log(0.25), 1), -0.16875 * std::log(0.25), 1e-15);
}

// The digits of the following are mpmath's, from the definitions.

TEST(Values, CharbonnierIsRoundAndDoesNotOverflow) {
  const Charbonnier loss;
  EXPECT_NEAR(value_at(loss, 0.75, 2), 1.250000399999936, 1e-15);
  EXPECT_NEAR(slope_at(loss, 0.75, 2), -0.9999996800001536, 1e-15);
  EXPECT_NEAR(value_at(loss, 1e-7, 0) / 0.001000000004999999987500000062, 1, 1e-15);
  EXPECT_NEAR(slope_at(loss, 1e-7, 0) / 9.99999995000000037499997e-5, 1, 1e-15);
  EXPECT_EQ(slope_at(loss, 3, 3), 0);
  for (double r : {1e30, 1e200, inf}) {
    EXPECT_EQ(value_at(loss, r, 0), r);
    EXPECT_EQ(slope_at(loss, -r, 0), -1);
  }
}

TEST(Values, MsleKeepsItsDigits) {
  const Msle loss;
  EXPECT_NEAR(value_at(loss, 0.5, 1) / 0.08276097481015168, 1, 1e-15);
  EXPECT_NEAR(slope_at(loss, 0.5, 1) / -0.3835760966023746, 1, 1e-15);
  EXPECT_NEAR(value_at(loss, 1e8, 1e8 + 1) / 9.9999997000000069e-17, 1, 1e-15);
  EXPECT_NEAR(value_at(loss, -0.5, 1e300) / 478128.92861519465, 1, 1e-14);
  EXPECT_EQ(value_at(loss, -1, 0), inf);
  for (double below : {-1.5, -inf}) {
    EXPECT_TRUE(std::isnan(value_at(loss, below, 0)));
    EXPECT_TRUE(std::isnan(value_at(loss, 0, below)));
    EXPECT_TRUE(std::isnan(value_at(loss, below, 2 * below)));
  }
}

TEST(Values, MapeAndSmapeAreFractions) {
  EXPECT_EQ(value_at(Mape{}, 2, 4), 0.5);
  EXPECT_EQ(slope_at(Mape{}, 2, -4), 0.25);
  EXPECT_EQ(value_at(Mape{.eps = 0.5}, 1, 0), 2);
  EXPECT_EQ(slope_at(Mape{}, 3, 3), 0);
  EXPECT_EQ(value_at(Smape{}, 1, 3), 1);
  EXPECT_EQ(slope_at(Smape{}, 1, 3), -0.75);
  EXPECT_EQ(value_at(Smape{}, -1, 3), 2);
  EXPECT_EQ(slope_at(Smape{}, -1, 3), 0);
  EXPECT_EQ(value_at(Smape{}, 0, 0), 0);
  EXPECT_EQ(slope_at(Smape{}, 0, 0), 0);
  EXPECT_NEAR(slope_at(Smape{}, 1e8, 1) / 3.9999999200000012e-16, 1, 1e-15);  // 2 - q, where q rounds to 2
  EXPECT_NEAR(slope_at(Smape{}, 1e200, 1e-100), 0, 1e-299);
}

TEST(Values, ExpectileWeighsSquares) {
  const Expectile loss{.tau = 0.8};
  EXPECT_NEAR(value_at(loss, 1, 3), 3.2, 1e-15);
  EXPECT_NEAR(value_at(loss, 3, 1), 0.8, 1e-15);
  EXPECT_NEAR(slope_at(loss, 1, 3), -3.2, 1e-15);
  EXPECT_EQ(slope_at(loss, 3, 3), 0);
}

TEST(Values, EpsilonInsensitiveToleratesSmallErrors) {
  const EpsilonInsensitive loss{.epsilon = 0.5};
  EXPECT_EQ(value_at(loss, 1.25, 1), 0);
  EXPECT_EQ(value_at(loss, -1, 1), 1.5);
  EXPECT_EQ(slope_at(loss, -1, 1), -1);
  EXPECT_EQ(slope_at(loss, 1.5, 1), 0);  // on the edge
}

TEST(Values, PseudoHuberDoesNotCancelOrOverflow) {
  const PseudoHuber loss{.delta = 1.5};
  EXPECT_NEAR(value_at(loss, 1e-9, 0) / 5e-19, 1, 1e-15);
  EXPECT_NEAR(value_at(loss, -3e-5, 0) / 4.49999999955e-10, 1, 1e-15);
  EXPECT_NEAR(value_at(loss, 2, 0) / 1.5, 1, 1e-15);
  EXPECT_NEAR(slope_at(loss, 2, 0) / 1.2, 1, 1e-15);
  for (double r : {1e20, 1e200, inf}) {
    EXPECT_EQ(value_at(loss, r, 0), 1.5 * r);
    EXPECT_EQ(slope_at(loss, -r, 0), -1.5);
  }
}

// Of 50 digits, from the definition. 2 - 1e-9 and 1e-9 are near the members that have other formulas.
TEST(Values, GeneralAdaptiveIsContinuousInAlpha) {
  const auto of = [](double alpha, double r) { return value_at(GeneralAdaptive{.alpha = alpha, .c = 2}, r, 0); };
  EXPECT_NEAR(of(1, 10) / 4.0990195135927848, 1, 1e-15);
  EXPECT_NEAR(of(0, 10) / 2.6026896854443838, 1, 1e-15);
  EXPECT_NEAR(of(1e-9, 10) / 2.6026896862995001, 1, 1e-15);
  EXPECT_NEAR(of(2, 10) / 12.5, 1, 1e-15);
  EXPECT_NEAR(of(2 - 1e-9, 10) / 12.499999856611604, 1, 1e-14);
  EXPECT_NEAR(of(-2, 10) / 1.7241379310344827, 1, 1e-15);
  EXPECT_NEAR(of(-inf, 10) / 0.99999627334682795, 1, 1e-15);
  EXPECT_NEAR(of(inf, 2) / 0.64872127070012815, 1, 1e-15);
  EXPECT_NEAR(of(1, 1e200) / 5e199, 1, 1e-13);  // its square overflows
  EXPECT_EQ(slope_at(GeneralAdaptive{.alpha = -inf}, inf, 0), 0);
  for (double alpha : {1.0, 0.0, -2.0, 1e-9}) EXPECT_EQ(slope_at(GeneralAdaptive{.alpha = alpha}, 0, 0), 0);
}

TEST(Values, HingesAreZeroBeyondTheMargin) {
  EXPECT_EQ(value_at(Hinge{}, 0.25, 1), 0.75);
  EXPECT_EQ(value_at(Hinge{}, 0.25, -1), 1.25);
  EXPECT_EQ(slope_at(Hinge{}, 0.25, -1), 1);
  EXPECT_EQ(slope_at(Hinge{}, 1, 1), 0);
  EXPECT_EQ(value_at(SquaredHinge{}, 0.5, -1), 2.25);
  EXPECT_EQ(slope_at(SquaredHinge{}, 0.5, -1), 3);
  EXPECT_EQ(value_at(Hinge{.margin = 2}, 2.5, 1), 0);
}

TEST(Values, DeviancesKeepTheirDigitsNearTheMinimum) {
  const double y = 1e-9;  // exp(-y) - 1 + y
  EXPECT_NEAR(value_at(GammaDeviance{}, y, 1) / 9.9999999966666679e-19, 1, 1e-15);
  EXPECT_NEAR(value_at(GammaDeviance{}, 0.2, 1) / 0.03746150615596373, 1, 1e-15);
  EXPECT_EQ(value_at(GammaDeviance{}, 0, 0), inf);
  EXPECT_NEAR(value_at(InverseGaussianDeviance{}, y, 1) / 9.9999999900000013e-19, 1, 1e-15);
  EXPECT_NEAR(value_at(InverseGaussianDeviance{}, 0.3, 3) / 0.4981318002519767, 1, 1e-14);
}

TEST(Values, QuantileCountsTooSmallPredictionsQ) {
  const Quantile loss{.q = 0.9};
  EXPECT_NEAR(value_at(loss, 1, 3), 1.8, 1e-15);
  EXPECT_NEAR(value_at(loss, 3, 1), 0.2, 1e-15);
  EXPECT_NEAR(slope_at(loss, 1, 3), -0.9, 1e-15);
  EXPECT_NEAR(slope_at(loss, 3, 1), 0.1, 1e-15);
  EXPECT_EQ(value_at(loss, inf, 0), inf);
  EXPECT_EQ(value_at(loss, -inf, 0), inf);
}

TEST(Values, TweedieAndGamma) {
  EXPECT_NEAR(value_at(Tweedie{}, 0.75, 2), 5.659139944400291466, 1e-14);
  EXPECT_NEAR(slope_at(Tweedie{}, 0.75, 2), 0.0804128570362569389, 1e-14);
  const Tweedie of_mean{.power = 1.2, .log_input = false};
  EXPECT_NEAR(value_at(of_mean, 0.75, 2), 11.58526076147138402, 1e-13);
  EXPECT_NEAR(slope_at(of_mean, 0.75, 2), -1.765373068414687088, 1e-13);
  EXPECT_EQ(value_at(Tweedie{}, -inf, 0), 0);  // a mean of 0 and nothing seen
  EXPECT_EQ(value_at(Tweedie{}, -inf, 1), inf);
  EXPECT_NEAR(value_at(GammaNll{}, 0.75, 2), 1.694733105482029414, 1e-15);
  EXPECT_NEAR(slope_at(GammaNll{}, 0.75, 2), 0.05526689451797058, 1e-15);
  EXPECT_NEAR(value_at(GammaNll{.log_input = false}, 0.75, 2), 2.378984594214885739, 1e-15);
}

TEST(Values, AsymmetricKeepsPositivesAndDropsEasyNegatives) {
  EXPECT_NEAR(value_at(Asymmetric{.gamma_pos = 1}, 2, 1), 0.01513018980277792653, 1e-16);
  EXPECT_NEAR(slope_at(Asymmetric{.gamma_pos = 1}, 2, 1), -0.02753596358614858974, 1e-16);
  EXPECT_NEAR(value_at(Asymmetric{}, 2, 0), 0.8464149506919508792, 1e-14);
  EXPECT_NEAR(slope_at(Asymmetric{}, 2, 0), 0.7234899345920383941, 1e-14);
  EXPECT_EQ(value_at(Asymmetric{}, -5, 0), 0);
  EXPECT_EQ(slope_at(Asymmetric{}, -5, 0), 0);
  EXPECT_EQ(value_at(Asymmetric{.gamma_neg = 0.5}, -5, 0), 0);
  EXPECT_EQ(slope_at(Asymmetric{.gamma_neg = 0.5}, -5, 0), 0);
  EXPECT_NEAR(value_at(Asymmetric{.gamma_pos = 2}, -30, 1), 29.999999999994479, 1e-13);
  EXPECT_NEAR(value_at(Asymmetric{.gamma_neg = 2, .clip = 0}, 40, 0), 40, 1e-13);
}

/// Of a class whose log-probability is log_p, and which is the true one.
template <class Loss>
double value_of_class(const Loss& loss, double log_p) {
  return value_at(loss, log_p, 1);
}

TEST(Values, SoftmaxLossesKeepTheirDigitsNearCertainty) {
  EXPECT_NEAR(value_of_class(Poly1{}, -0.25), 0.47119921692859513, 1e-15);
  EXPECT_NEAR(value_of_class(Poly1{}, -1e-12) / 1.9999999999995e-12, 1, 1e-15);
  EXPECT_NEAR(value_of_class(Poly1{}, -20), 20.99999999793884638, 1e-14);
  EXPECT_NEAR(value_of_class(GeneralizedCrossEntropy{}, -0.25), 0.22934711318684663, 1e-15);
  EXPECT_NEAR(value_of_class(GeneralizedCrossEntropy{}, -1e-12) / 9.9999999999965e-13, 1, 1e-15);
  EXPECT_NEAR(value_of_class(GeneralizedCrossEntropy{}, -20), 1.428570240673258423, 1e-14);
  EXPECT_NEAR(value_of_class(SymmetricCrossEntropy{}, -0.25), 0.90979686771438053, 1e-15);
  EXPECT_NEAR(value_of_class(SymmetricCrossEntropy{}, -1e-12) / 4.099999999998e-12, 1, 1e-15);
  EXPECT_NEAR(value_of_class(SymmetricCrossEntropy{}, -20), 5.99999999175538551, 1e-14);
  EXPECT_EQ(value_of_class(GeneralizedCrossEntropy{.q = 1}, -inf), 1);
  EXPECT_EQ(value_at(Poly1{}, -inf, 0), 0);
}

}  // namespace
}  // namespace perdita
