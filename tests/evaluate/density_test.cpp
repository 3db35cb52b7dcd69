#include "perdita/evaluate/density.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {
namespace {
using Values = std::vector<double>;

double area(const Density& d) {
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < d.x.size(); ++i) sum += (d.x[i + 1] - d.x[i]) * (d.y[i] + d.y[i + 1]) / 2;
  return sum;
}

/// The definition, value by value.
double direct(const Values& values, double bandwidth, bool reflect, double x) {
  double sum = 0.0;
  const auto gaussian = [&](double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi) / bandwidth; };
  for (double v : values) sum += gaussian((x - v) / bandwidth) + (reflect ? gaussian((x + v) / bandwidth) : 0.0);
  return sum / static_cast<double>(values.size());
}

TEST(Density, IsTheSumOfGaussians) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::exponential_distribution<double> losses(1.0);
  Values values(500);
  for (double& v : values) v = losses(random);
  for (bool reflect : {false, true}) {
    const Density d = density(values, {.reflect_at_zero = reflect});
    EXPECT_NEAR(area(d), 1.0, 2e-3);
    double highest = 0.0;
    for (double y : d.y) highest = std::max(highest, y);
    for (std::size_t i = 0; i < d.x.size(); i += 7) {
      EXPECT_NEAR(d.y[i], direct(values, d.bandwidth, reflect, d.x[i]), 0.01 * highest) << "x " << d.x[i];
    }
    EXPECT_EQ(d.x.front() >= 0.0, reflect);
  }
}

TEST(Density, OnPartOfTheRangeItIsTheSameCurve) {
  const Values values{0.1, 0.2, 0.3, 5.0, 5.5};
  const Density part = density(values, {.bandwidth = 0.4, .points = 200, .low = 0.0, .high = 2.0});
  EXPECT_EQ(part.x.front(), 0.0);
  EXPECT_NEAR(part.x.back(), 2.0, 1e-12);
  for (std::size_t i = 0; i < part.x.size(); ++i) {
    EXPECT_NEAR(part.y[i], direct(values, 0.4, false, part.x[i]), 0.005);
  }
}

TEST(Density, SilvermansRule) {
  Summary s = summarize(Values{0, 1});
  s.count = 100000, s.standard_deviation = 2, s.lower_quartile = 0, s.upper_quartile = 1.34;
  EXPECT_NEAR(silverman_bandwidth(s), 0.09, 1e-12);  // the smaller spread is IQR / 1.34 = 1, and n^(-1/5) = 0.1
  s.upper_quartile = 0;
  EXPECT_NEAR(silverman_bandwidth(s), 0.18, 1e-12);
}

TEST(Density, KeepsItsAreaForAwkwardSamples) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Values& values : {Values{1}, Values{0, 0, 0}, Values{-5, -5}, Values{1, nan, 2}, Values{0, 0, 0, 0, 1e6},
                               Values{1e-300, 2e-300, 3e-300}}) {
    EXPECT_NEAR(area(density(values)), 1.0, 2e-3) << values[0] << " (" << values.size() << ")";
  }
  EXPECT_TRUE(density(Values{}).x.empty());
  EXPECT_TRUE(density(Values{nan}).x.empty());
}

TEST(Density, RefusesOptionsOutOfRange) {
  EXPECT_THROW(density(Values{1}, {.bandwidth = -1}), ValueError);
  EXPECT_THROW(density(Values{1}, {.points = 2}), ValueError);
  EXPECT_THROW(density(Values{1}, {.low = 2, .high = 1}), ValueError);
}

TEST(Density, OfARangeThatIsTinyBesideTheValues) {
  const double low = 0.35667494393873239, high = 0.35667494393873245;
  const std::vector<double> values{low, high, 1.0};
  const Density d = density(std::span<const double>(values), {.low = low, .high = high});
  EXPECT_EQ(d.x.size(), d.y.size());
  EXPECT_LE(d.bandwidth, high - low);
  const std::vector<float> equal(2, 0.35667494f);
  EXPECT_FALSE(density(std::span<const float>(equal), {.low = low, .high = high}).x.empty());
}

}  // namespace
}  // namespace perdita::evaluate
