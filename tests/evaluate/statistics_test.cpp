#include "perdita/evaluate/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/paired.hpp"

namespace perdita::evaluate {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

TEST(Summary, OfKnownNumbers) {  // as numpy.percentile, numpy.std(ddof=1) and scipy.stats.sem say
  const Summary s = summarize(Values{7, 1, 3, 10, 2, nan, 4, inf});
  EXPECT_EQ(s.count, 6);
  EXPECT_EQ(s.nonfinite, 2);
  EXPECT_DOUBLE_EQ(s.mean, 4.5);
  EXPECT_DOUBLE_EQ(s.standard_deviation, std::sqrt(11.5));
  EXPECT_DOUBLE_EQ(s.standard_error, std::sqrt(11.5 / 6));
  EXPECT_DOUBLE_EQ(s.min, 1);
  EXPECT_DOUBLE_EQ(s.lower_quartile, 2.25);
  EXPECT_DOUBLE_EQ(s.median, 3.5);
  EXPECT_DOUBLE_EQ(s.upper_quartile, 6.25);
  EXPECT_DOUBLE_EQ(s.p95, 9.25);
  EXPECT_DOUBLE_EQ(s.p99, 9.85);
  EXPECT_DOUBLE_EQ(s.max, 10);
}

TEST(MeanInterval, OfValuesThatAreNeverNegativeEndsAtZero) {
  const Summary skewed = summarize(Values{0, 0, 0.01, 0, 1});
  EXPECT_LT(mean_interval(skewed).low, 0);
  EXPECT_EQ(mean_interval(skewed, true).low, 0);
  EXPECT_EQ(mean_interval(skewed, true).high, mean_interval(skewed).high);
  const Summary others = summarize(Values{-0.01, 0, 0.01, 0, 1});  // then the claim does not hold
  EXPECT_EQ(mean_interval(others, true).low, mean_interval(others).low);
  const Summary far = summarize(Values{5, 5.5, 6});
  EXPECT_EQ(mean_interval(far, true).low, mean_interval(far).low);
}

TEST(Summary, OfOneValueAndOfNone) {
  const Summary one = summarize(Values{3});
  EXPECT_EQ(one.mean, 3);
  EXPECT_EQ(one.p99, 3);
  EXPECT_TRUE(std::isnan(one.standard_error));
  EXPECT_TRUE(std::isnan(mean_interval(one).low));
  for (const Values& values : {Values{}, Values{nan, nan}}) {
    const Summary none = summarize(values);
    EXPECT_EQ(none.count, 0);
    EXPECT_TRUE(std::isnan(none.mean) && std::isnan(none.min) && std::isnan(none.p95));
  }
}

TEST(Summary, QuantilesAreThoseOfTheSortedSample) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (std::size_t n : {2u, 3u, 5u, 101u, 997u}) {
    std::vector<float> values(n);
    for (float& v : values) v = static_cast<float>(random() % 50);  // with ties
    const Summary s = summarize(values);
    std::sort(values.begin(), values.end());
    const auto quantile = [&](double share) {
      const double at = share * static_cast<double>(n - 1);
      const auto i = static_cast<std::size_t>(at);
      const double low = values[i], high = values[std::min(i + 1, n - 1)];
      return low + (at - std::floor(at)) * (high - low);
    };
    EXPECT_NEAR(s.lower_quartile, quantile(0.25), 1e-12);
    EXPECT_NEAR(s.median, quantile(0.5), 1e-12);
    EXPECT_NEAR(s.upper_quartile, quantile(0.75), 1e-12);
    EXPECT_NEAR(s.p95, quantile(0.95), 1e-12);
    EXPECT_NEAR(s.p99, quantile(0.99), 1e-12);
  }
}

TEST(Summary, MeanOfManyFloatsKeepsItsDigits) {
  const std::vector<float> values(3'000'001, 0.1f);
  EXPECT_NEAR(summarize(values).mean, static_cast<double>(0.1f), 1e-15);
}

TEST(MeanInterval, UsesStudentsT) {  // quantiles at 97.5 % from any table
  const auto factor = [](std::int64_t n) {
    Summary s = summarize(Values{0, 1});
    s.count = n, s.mean = 0, s.standard_error = 1;
    return mean_interval(s).high;
  };
  const std::pair<std::int64_t, double> table[] = {{2, 12.7062}, {3, 4.3027},  {4, 3.1824},
                                                   {6, 2.5706},  {11, 2.2281}, {31, 2.0423}};
  for (const auto& [n, t] : table) EXPECT_NEAR(factor(n), t, 0.002 * t) << n;
  EXPECT_NEAR(factor(10'000'000), 1.95996, 1e-5);
}

TEST(WilsonInterval, OfKnownNumbers) {  // statsmodels proportion_confint(method="wilson")
  const Interval most = wilson_interval(9, 10), none = wilson_interval(0, 20), all = wilson_interval(20, 20);
  EXPECT_NEAR(most.low, 0.59585, 1e-5);
  EXPECT_NEAR(most.high, 0.98212, 1e-5);
  EXPECT_NEAR(none.low, 0.0, 1e-12);
  EXPECT_NEAR(none.high, 0.16113, 1e-5);
  EXPECT_NEAR(all.low, 1 - none.high, 1e-12);
  EXPECT_NEAR(all.high, 1.0, 1e-12);
  EXPECT_THROW(wilson_interval(1, 0), ValueError);
  EXPECT_THROW(wilson_interval(3, 2), ValueError);
}

TEST(Histogram, CountsByHand) {
  const Values values{0.0, 0.5, 1.0, 1.5, 2.0, 3.9, 4.0, 5.0, -1.0, nan};
  const Histogram h = histogram(values, {.bins = 4, .low = 0, .high = 4});
  EXPECT_EQ(h.edges, (Values{0, 1, 2, 3, 4}));
  EXPECT_EQ(h.counts, (std::vector<std::int64_t>{2, 2, 1, 2}));  // the right edge of the last bin is in
  EXPECT_EQ(h.below, 1);
  EXPECT_EQ(h.above, 1);
  EXPECT_EQ(h.nonfinite, 1);
}

TEST(Histogram, LogarithmicBinsHaveEqualRatios) {
  const Histogram h = histogram(Values{0.001, 0.005, 0.02, 0.5, 10, 0, -2}, {.bins = 4, .logarithmic = true});
  for (std::size_t i = 0; i + 1 < h.edges.size(); ++i) EXPECT_NEAR(h.edges[i + 1] / h.edges[i], 10, 1e-9);
  EXPECT_EQ(h.counts, (std::vector<std::int64_t>{2, 1, 1, 1}));
  EXPECT_EQ(h.below, 2);
}

TEST(Histogram, NothingIsLost) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::lognormal_distribution<float> skewed(-2, 2);
  for (int n : {1, 2, 10, 1000, 20000}) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& v : values) v = random() % 20 == 0 ? 0.0f : skewed(random);
    if (n > 2) values[0] = std::numeric_limits<float>::quiet_NaN();
    for (bool logarithmic : {false, true}) {
      for (double high : {nan, 0.5}) {
        HistogramOptions options{.logarithmic = logarithmic, .high = high};
        if (!std::isnan(high)) options.low = 0.01;
        const Histogram h = histogram(values, options);
        EXPECT_EQ(std::accumulate(h.counts.begin(), h.counts.end(), h.below + h.above + h.nonfinite), n);
        EXPECT_LE(h.counts.size(), 100u);
        EXPECT_TRUE(std::is_sorted(h.edges.begin(), h.edges.end()));
      }
    }
  }
}

TEST(Histogram, TheRuleIsFreedmanAndDiaconis) {
  Values values(1000);
  std::iota(values.begin(), values.end(), 0.0);  // IQR 499.5, width 2 * 499.5 / 10 = 99.9: 999 / 99.9 = 10
  EXPECT_EQ(histogram(values, {}).counts.size(), 10u);
  std::fill(values.begin(), values.begin() + 900, 0.0);  // no IQR: sqrt(1000) = 31.6
  EXPECT_EQ(histogram(values, {}).counts.size(), 32u);
}

TEST(Histogram, DegenerateSamplesAndBadRanges) {
  EXPECT_EQ(histogram(Values{}, {}).counts, std::vector<std::int64_t>{0});
  const Histogram same = histogram(Values{3, 3, 3}, {});
  EXPECT_EQ(std::accumulate(same.counts.begin(), same.counts.end(), std::int64_t{0}), 3);
  EXPECT_THROW(histogram(Values{1}, {.low = 2, .high = 1}), ValueError);
  EXPECT_THROW(histogram(Values{1}, {.low = -inf}), ValueError);
  EXPECT_THROW(histogram(Values{1}, {.logarithmic = true, .low = 0.0}), ValueError);
  EXPECT_THROW(histogram(Values{1}, {.bins = -1}), ValueError);
}

// mpmath.betainc(dof / 2, 1 / 2, 0, dof / (dof + t^2), regularized=True), with 30 digits.
TEST(StudentTwoSided, AgreesWithTheIncompleteBetaFunction) {
  const double cases[][3] = {{0, 3, 1},
                             {1, 1, 0.5},
                             {10.392304845413264, 2, 0.00913261138628},
                             {2.5, 7, 0.0409922185858},
                             {-3.25, 19.5, 0.00410893493867},
                             {1.97195654, 199, 0.0500000004892},
                             {8, 30, 6.2658224757e-9},
                             {0.01, 5, 0.992408018043},
                             {4, 99999, 6.33879980125e-5},
                             {25, 1000, 1.52035413833e-107}};
  for (const auto& [t, dof, p] : cases) EXPECT_NEAR(student_two_sided(t, dof), p, 1e-10 * p) << t << ' ' << dof;
  EXPECT_NEAR(student_two_sided(4, 2e6), 6.33447588091e-5, 1e-6 * 6.3e-5);
  EXPECT_EQ(student_two_sided(std::numeric_limits<double>::infinity(), 3), 0);
}

// Holm 1979 by hand: 0.01 * 4, 0.02 * 3, then no smaller than those before, at most 1.
TEST(Holm, MultipliesByWhatIsLeft) {
  EXPECT_EQ(holm(std::vector{0.5, 0.01, 0.02, 0.021}), (std::vector{0.5, 0.04, 0.06, 0.06}));
  EXPECT_EQ(holm(std::vector{0.9, 0.8}), (std::vector{1.0, 1.0}));
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace perdita::evaluate
