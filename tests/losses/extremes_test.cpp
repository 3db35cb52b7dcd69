// Infinite logits, parameters at the ends of what is valid, weights that underflow: limits in closed form.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "perdita/losses/list.hpp"
#include "perdita/losses/span.hpp"

namespace perdita {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Point {
  double y, t, value, slope, curvature;
};

template <class T, class Loss>
void expect_at(const Loss& loss, const Point& at) {
  using P = Pack<T, 1>;
  using D = Dual<P>;
  const P t(at.t);
  const D first = loss(D{P(at.y), P(1.0)}, t);
  EXPECT_FLOAT_EQ(static_cast<float>(first.v[0]), static_cast<float>(at.value)) << at.y << ", " << at.t;
  EXPECT_FLOAT_EQ(static_cast<float>(first.d[0]), static_cast<float>(at.slope)) << at.y << ", " << at.t;
  const auto second = loss(Dual<D>{D{P(at.y), P(1.0)}, D{P(1.0), P(0.0)}}, t);
  EXPECT_FLOAT_EQ(static_cast<float>(second.d.d[0]), static_cast<float>(at.curvature)) << at.y << ", " << at.t;
}

template <class Loss>
void expect_at(const Loss& loss, std::initializer_list<Point> points) {
  for (const Point& at : points) expect_at<float>(loss, at), expect_at<double>(loss, at);
}

TEST(Extremes, HuberWithoutEndIsHalfTheSquare) {
  expect_at(Huber{.delta = infinity}, {{3, 0, 4.5, 3, 1}, {-3, 0, 4.5, -3, 1}, {0, 0, 0, 0, 1}, {1, 3, 2, -2, 1}});
}

TEST(Extremes, SmoothLossesAreCurvedAtTheTarget) {
  expect_at(Huber{}, {{0, 0, 0, 0, 1}});
  expect_at(SmoothL1{.beta = 2}, {{0, 0, 0, 0, 0.5}, {1, 0, 0.25, 0.5, 0.5}});
  expect_at(Charbonnier{.eps = 0.5}, {{1, 1, 0.5, 0, 2}});
}

TEST(Extremes, SmoothL1OfTheLeastBeta) {
  for (const double beta : {1e-50, 1e-310, 5e-324}) expect_at<double>(SmoothL1{.beta = beta}, {3, 0, 3, 1, 0});
  expect_at<double>(SmoothL1{.beta = 1e-300}, {5e-301, 0, 1.25e-301, 0.5, 1e300});
  expect_at(SmoothL1{.beta = 1e30}, {{3, 0, 4.5e-30, 3e-30, 1e-30}});
}

TEST(Extremes, SpansOfFloatRefuseWhatFloatsCannotHold) {
  const std::vector<float> y{3}, t{0};
  std::vector<float> gradient(1);
  EXPECT_THROW(value_and_gradient(SmoothL1{.beta = 1e-50}, y, t, gradient), ValueError);
  EXPECT_THROW(value(Huber{.delta = 1e-50}, y, t), ValueError);
  EXPECT_EQ(value_and_gradient(SmoothL1{.beta = 0}, y, t, gradient), 3);
  EXPECT_EQ(value_and_gradient(Huber{.delta = infinity}, y, t, gradient), 4.5);
}

// (1 - t) softplus(y) + t softplus(-y)
TEST(Extremes, InfiniteLogits) {
  const std::initializer_list<Point> points{
      {-infinity, 0, 0, 0, 0}, {infinity, 1, 0, 0, 0}, {infinity, 0, infinity, 1, 0}, {-infinity, 1, infinity, -1, 0}};
  expect_at(BinaryCrossEntropyWithLogits{}, points);
  expect_at(MultilabelSoftMargin{}, points);
  for (const double gamma : {0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 50.0}) {
    expect_at(BinaryFocal{.alpha = 1, .gamma = gamma, .alpha_by_class = false}, points);
    expect_at(Asymmetric{.gamma_pos = gamma, .gamma_neg = gamma, .clip = 0}, points);
  }
}

TEST(Extremes, WeightsOfPointsThatAreRightUnderflow) {
  for (const double gamma : {0.01, 0.1, 0.5, 1.0, 1.5, 2.0, 50.0}) {
    const BinaryFocal focal{.alpha = 1, .gamma = gamma, .alpha_by_class = false};
    for (const double y : {-104.0, -745.5, -1e4, -1e30}) {
      expect_at<float>(focal, {y, 0, 0, 0, 0});
      expect_at<float>(Asymmetric{.gamma_pos = gamma, .gamma_neg = gamma, .clip = 0}, {-y, 1, 0, 0, 0});
    }
    expect_at<double>(focal, {-1e4, 0, 0, 0, 0});
  }
  // p^gamma softplus is p^1.01 for a small p
  const double p = std::exp(-700.0);
  using D = Dual<Pack<double, 1>>;
  const D found =
      BinaryFocal{.alpha = 1, .gamma = 0.01, .alpha_by_class = false}(D{{-700.0}, {1.0}}, Pack<double, 1>(0.0));
  EXPECT_NEAR(found.v[0] / std::pow(p, 1.01), 1, 1e-12);
  EXPECT_NEAR(found.d[0] / (1.01 * std::pow(p, 1.01)), 1, 1e-12);
}

// Of log p, for the class itself and for one with target probability 0.
TEST(Extremes, ImpossibleClasses) {
  const Point own{-infinity, 1, infinity, -1, 0}, other{-infinity, 0, 0, 0, 0};
  expect_at(CrossEntropy{}, {own, other});
  expect_at(Nll{}, {own, other});
  expect_at(BalancedSoftmax{}, {own, other});
  expect_at(Poly1{}, {own, other});
  for (const double gamma : {0.0, 0.5, 1.0, 2.0, 3.0}) expect_at(Focal{.gamma = gamma}, {own, other});
  expect_at(GeneralizedCrossEntropy{.q = 0.5}, {{-infinity, 1, 2, 0, 0}, other});
  expect_at(SymmetricCrossEntropy{.alpha = 0, .log_zero = -4}, {{-infinity, 1, 4, 0, 0}, other});
}

TEST(Extremes, RatesOfZero) {
  const PoissonNll poisson{.log_input = false, .eps = 0};
  using D = Dual<Pack<double, 1>>;
  const auto at = [](const auto& loss, double y, double t) { return loss(D{{y}, {1.0}}, Pack<double, 1>(t)); };
  EXPECT_EQ(at(poisson, 0, 0).v[0], 0);
  EXPECT_EQ(at(poisson, 0, 0).d[0], 1);
  EXPECT_TRUE(std::isnan(at(poisson, -1, 0).v[0]));
  EXPECT_TRUE(std::isnan(at(poisson, -1, 2).v[0]));
  EXPECT_EQ(at(PoissonNll{}, -infinity, 0).v[0], 0);
  EXPECT_EQ(at(PoissonNll{}, -infinity, 2).v[0], infinity);
  EXPECT_EQ(at(GammaNll{}, -infinity, 1).v[0], infinity);
  EXPECT_EQ(at(GammaNll{.log_input = false}, 0, 1).v[0], infinity);
  EXPECT_EQ(at(Tweedie{}, -infinity, 0).v[0], 0);
}

TEST(Extremes, DomainsDependOnParameters) {
  EXPECT_TRUE(input_domain(PoissonNll{}).contains(-3));
  EXPECT_FALSE(input_domain(PoissonNll{.log_input = false}).contains(-3));
  EXPECT_TRUE(input_domain(PoissonNll{.log_input = false}).contains(0));
  EXPECT_FALSE(input_domain(GammaNll{.log_input = false}).contains(0));
  EXPECT_FALSE(input_domain(Tweedie{.log_input = false}).contains(0));
  EXPECT_FALSE(target_domain(GammaNll{}).contains(0));
  EXPECT_FALSE(target_domain(KlDiv{}).contains(-1));
  EXPECT_TRUE(target_domain(KlDiv{.log_target = true}).contains(-1));
}

}  // namespace
}  // namespace perdita
