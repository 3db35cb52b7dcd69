// The statistics of a comparison against numbers worked out by hand.
#include "perdita/evaluate/contest.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace perdita::evaluate {
namespace {

Contest contest() {
  Contest c{.metrics = {{.name = "accuracy", .title = "accuracy", .is_share = true, .more_is_better = true},
                        {.name = "seconds", .title = "seconds", .is_cost = true}},
            .class_names = {},
            .entries = {{"first", {{1, {0.80, 3}}, {2, {0.82, 3}}, {3, {0.84, 3}}}},
                        {"better", {{1, {0.83, 4}}, {2, {0.851, 4}}, {3, {0.869, 4}}}},
                        {"as good", {{1, {0.82, 2}}, {2, {0.81, 2}}, {3, {0.85, 2}}}}}};
  return c;
}

// The differences of `better` are 0.03, 0.031, 0.029: mean 0.03, deviation 0.001; t of 2 degrees of freedom is 4.3027.
TEST(Contest, PairsRunsOfOneSeed) {
  const Contest c = contest();
  const auto d = difference(c, 1, 0);
  ASSERT_TRUE(d);
  EXPECT_NEAR(d->mean, 0.03, 1e-15);
  EXPECT_NEAR(d->interval.high - d->mean, 4.3027 * 0.001 / std::sqrt(3.0), 1e-5);
  EXPECT_FALSE(d->is_noise);
  EXPECT_TRUE(difference(c, 2, 0)->is_noise);
  // By themselves, the spreads (0.02 and 0.0195) hide the difference of 0.03 between `first` and `better`: pairs show
  // it.
  EXPECT_NEAR(spread_of(c.entries[0], 0).standard_deviation, 0.02, 1e-15);
}

TEST(Contest, CellsShowSpreadAndMark) {
  const Contest c = contest();
  EXPECT_EQ(cell(c, 0, 0), "82.00 ± 2.00 %");
  EXPECT_EQ(cell(c, 1, 0), "85.00 ± 1.95 % *");
  EXPECT_EQ(cell(c, 2, 0), "82.67 ± 2.08 %");
  EXPECT_EQ(cell(c, 1, 1), "4 ± 0");  // a cost is not judged
}

TEST(Contest, LeavesOutFailuresAndSaysSo) {
  Contest c = contest();
  c.entries[1].trials[0] = {.seed = 1, .failure = "the training loss is nan"};
  EXPECT_EQ(spread_of(c.entries[1], 0).count, 2);
  EXPECT_NEAR(difference(c, 1, 0)->mean, 0.03, 1e-15);  // of the seeds 2 and 3
  EXPECT_NE(notes(c).back().find("better, seed 1, failed and is left out: the training loss is nan"),
            std::string::npos);
  c.entries[1].trials[1].failure = "too";
  EXPECT_FALSE(difference(c, 1, 0));
  c.entries[1].trials[2].values[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(cell(c, 1, 0), "–");
}

TEST(Contest, OneSeedTellsNothingOfNoise) {
  Contest c = contest();
  for (Entry& entry : c.entries) entry.trials.resize(1);
  EXPECT_EQ(cell(c, 1, 0), "83.00 %");
  EXPECT_NE(notes(c)[0].find("--seeds"), std::string::npos);
}

TEST(Contest, CsvHasALineARun) {
  Contest c = contest();
  c.entries.resize(1);
  c.entries[0].name = "focal:gamma=2,\"x\"";
  c.entries[0].trials[1].failure = "nan";
  EXPECT_EQ(contest_csv(c),
            "loss,seed,accuracy,seconds\n\"focal:gamma=2,\"\"x\"\"\",1,0.8,3\n\"focal:gamma=2,\"\"x\"\"\",2,,\n"
            "\"focal:gamma=2,\"\"x\"\"\",3,0.84,3\n");
}

}  // namespace
}  // namespace perdita::evaluate
