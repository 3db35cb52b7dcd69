// The statistics of a comparison against numbers worked out by hand.
#include "perdita/evaluate/comparison.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace perdita::evaluate {
namespace {

ComparisonResults results() {
  ComparisonResults c{.metrics = {{.name = "accuracy", .title = "accuracy", .is_share = true, .more_is_better = true},
                                  {.name = "seconds", .title = "seconds", .is_cost = true}},
                      .class_names = {},
                      .candidates = {{"first", {{1, {0.80, 3}}, {2, {0.82, 3}}, {3, {0.84, 3}}}},
                                     {"better", {{1, {0.83, 4}}, {2, {0.851, 4}}, {3, {0.869, 4}}}},
                                     {"as good", {{1, {0.82, 2}}, {2, {0.81, 2}}, {3, {0.85, 2}}}}}};
  return c;
}

// The differences of `better` are 0.03, 0.031, 0.029: mean 0.03, deviation 0.001; t of 2 degrees of freedom is 4.3027.
TEST(Comparison, PairsRunsOfOneSeed) {
  const ComparisonResults c = results();
  const auto d = difference(c, 1, 0);
  ASSERT_TRUE(d);
  EXPECT_NEAR(d->mean, 0.03, 1e-15);
  EXPECT_NEAR(d->interval.high - d->mean, 4.3027 * 0.001 / std::sqrt(3.0), 1e-5);
  // t = 0.03 sqrt(3) / 0.001 = 51.96: p = 1 - t / sqrt(t^2 + 2) = 0.00037; twice that, for there are two differences.
  const double t = 30 * std::sqrt(3.0);
  EXPECT_NEAR(d->p, 2 * (1 - t / std::sqrt(t * t + 2)), 1e-9);
  EXPECT_FALSE(d->is_noise);
  EXPECT_FALSE(d->of_samples);
  EXPECT_TRUE(difference(c, 2, 0)->is_noise);
  // By themselves, the spreads (0.02 and 0.0195) hide the difference of 0.03 between `first` and `better`: pairs show
  // it.
  EXPECT_NEAR(spread_of(c.candidates[0], 0).standard_deviation, 0.02, 1e-15);
}

TEST(Comparison, CellsShowSpreadAndMark) {
  const ComparisonResults c = results();
  EXPECT_EQ(cell(c, 0, 0), "82.00 ± 2.00 %");
  EXPECT_EQ(cell(c, 1, 0), "85.00 ± 1.95 % *");
  EXPECT_EQ(cell(c, 2, 0), "82.67 ± 2.08 %");
  EXPECT_EQ(cell(c, 1, 1), "4 ± 0");  // a cost is not compared
}

TEST(Comparison, LeavesOutFailuresAndSaysSo) {
  ComparisonResults c = results();
  c.candidates[1].runs[0] = {.seed = 1, .failure = "the training loss is nan"};
  EXPECT_EQ(spread_of(c.candidates[1], 0).count, 2);
  EXPECT_NEAR(difference(c, 1, 0)->mean, 0.03, 1e-15);  // of the seeds 2 and 3
  EXPECT_NE(notes(c).back().find("better, seed 1, failed and is left out: the training loss is nan"),
            std::string::npos);
  c.candidates[1].runs[1].failure = "too";
  EXPECT_FALSE(difference(c, 1, 0));
  c.candidates[1].runs[2].values[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(cell(c, 1, 0), "–");
}

TEST(Comparison, CountsDegreesOfFreedom) {
  ComparisonResults c = results();
  EXPECT_NE(notes(c)[1].find("2 degrees of freedom"), std::string::npos);
  for (CandidateResults& candidate : c.candidates) candidate.runs.resize(2);
  EXPECT_NE(notes(c)[1].find("1 degree of freedom"), std::string::npos) << notes(c)[1];
}

TEST(Comparison, CorrectsForTheNumberOfLosses) {
  ComparisonResults c = results();
  // Of two degrees of freedom: 0.010, 0.012, 0.014 have t = 10.39 and p = 0.00913; 0.010, 0.016, 0.022 p = 0.0441.
  const auto with = [](double a, double b, double d) {
    return std::vector<RunResult>{{1, {0.80 + a, 3}}, {2, {0.82 + b, 3}}, {3, {0.84 + d, 3}}};
  };
  c.candidates = {c.candidates[0], {"clear", with(0.010, 0.012, 0.014)}, {"unclear", with(0.010, 0.016, 0.022)}};
  EXPECT_FALSE(difference(c, 1, 0)->is_noise);
  EXPECT_FALSE(difference(c, 2, 0)->is_noise);
  c.candidates.push_back({"noise", with(0.010, -0.016, 0.022)});
  EXPECT_NEAR(difference(c, 1, 0)->p, 3 * 0.00913261, 1e-7);
  EXPECT_FALSE(difference(c, 1, 0)->is_noise);
  EXPECT_TRUE(difference(c, 2, 0)->is_noise);  // twice 0.0441
  EXPECT_NE(notes(c)[1].find("Holm"), std::string::npos);
}

TEST(Comparison, ComparesASingleRunByItsTestSamples) {
  ComparisonResults c{
      .metrics = {{.name = "accuracy", .title = "accuracy", .is_share = true, .column = 0},
                  {.name = "balanced", .title = "balanced", .is_share = true, .column = 0, .classes = {0, 1}},
                  {.name = "rmse", .title = "RMSE", .column = 1},
                  {.name = "ece", .title = "ECE"}},
      .class_names = {"a", "b"},
      .candidates = {{"first", {{.seed = 1}}}, {"second", {{.seed = 1}}}},
      .labels = {}};
  const int count = 200;
  double squares[2] = {}, hits[2] = {}, of_class[2][2] = {};
  for (std::size_t e = 0; e < 2; ++e) c.candidates[e].runs[0].samples.resize(2);
  for (int i = 0; i < count; ++i) {
    const std::int64_t label = i % 4 == 0;
    c.labels.push_back(label);
    for (std::size_t e = 0; e < 2; ++e) {
      const bool hit = e == 0 ? i % 3 != 0 : i % 3 != 0 || i % 5 < 2;
      const float square = e == 0 ? float(i % 7) : float(i % 7) + 0.1f * float(i % 2);
      c.candidates[e].runs[0].samples[0].push_back(hit ? 1.0f : 0.0f);
      c.candidates[e].runs[0].samples[1].push_back(square);
      hits[e] += hit, squares[e] += static_cast<double>(square), of_class[e][label] += hit;
    }
  }
  for (std::size_t e = 0; e < 2; ++e) {
    c.candidates[e].runs[0].values = {hits[e] / count, (of_class[e][0] / 150 + of_class[e][1] / 50) / 2,
                                      std::sqrt(squares[e] / count), 0.1};
  }
  const auto accuracy = difference(c, 1, 0);
  ASSERT_TRUE(accuracy && accuracy->of_samples);
  // Where the second alone is right, the difference is 1; it is never -1. So mean m and variance m - m^2.
  const double m = (hits[1] - hits[0]) / count, error = std::sqrt((m - m * m) / (count - 1));
  EXPECT_NEAR(accuracy->mean, m, 1e-12);
  EXPECT_NEAR(accuracy->interval.low, m - 1.97196 * error, 1e-4);  // t of 199 degrees of freedom
  EXPECT_FALSE(accuracy->is_noise);
  const auto balanced = difference(c, 1, 1);
  ASSERT_TRUE(balanced);
  double variance = 0;
  for (int k = 0; k < 2; ++k) {
    const double n = k == 0 ? 150 : 50, of = (of_class[1][k] - of_class[0][k]) / n;
    variance += (of - of * of) / (n - 1) / 4;
  }
  EXPECT_NEAR(balanced->mean - balanced->interval.low, 1.96 * std::sqrt(variance), 0.05 * std::sqrt(variance));
  EXPECT_NEAR(difference(c, 1, 2)->mean, std::sqrt(squares[1] / count) - std::sqrt(squares[0] / count), 1e-12);
  EXPECT_FALSE(difference(c, 1, 2)->is_noise);
  EXPECT_FALSE(difference(c, 1, 3));
  EXPECT_EQ(cell(c, 1, 3), "0.1");
  EXPECT_NE(notes(c)[1].find("not tested: ECE"), std::string::npos);
  EXPECT_NE(notes(c)[1].find("paired t-test over the test samples"), std::string::npos);
  c.candidates[1].runs[0].samples = c.candidates[0].runs[0].samples;  // the same model
  c.candidates[1].runs[0].values = c.candidates[0].runs[0].values;
  EXPECT_EQ(difference(c, 1, 0)->p, 1);
}

TEST(Comparison, OneSeedWithoutSamplesTellsNothingOfNoise) {
  ComparisonResults c = results();
  for (CandidateResults& candidate : c.candidates) candidate.runs.resize(1);
  EXPECT_EQ(cell(c, 1, 0), "83.00 %");
  EXPECT_NE(notes(c)[0].find("--seeds"), std::string::npos);
}

TEST(Comparison, CsvHasALineARun) {
  ComparisonResults c = results();
  c.candidates.resize(1);
  c.candidates[0].name = "focal:gamma=2,\"x\"";
  c.candidates[0].runs[1].failure = "nan";
  EXPECT_EQ(comparison_csv(c),
            "loss,seed,accuracy,seconds\n\"focal:gamma=2,\"\"x\"\"\",1,0.8,3\n\"focal:gamma=2,\"\"x\"\"\",2,,\n"
            "\"focal:gamma=2,\"\"x\"\"\",3,0.84,3\n");
}

}  // namespace
}  // namespace perdita::evaluate
