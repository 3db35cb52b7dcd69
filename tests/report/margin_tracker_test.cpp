// Mean margins and losses in 8 bytes per sample.
#include "perdita/report/margin_tracker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/report/suspects.hpp"

namespace perdita::report {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(MarginTracker, RanksByMeanMarginAndSurvivesACheckpoint) {
  MarginTracker tracker(4, MarginTracker::Last::kept);
  EXPECT_TRUE(tracker.is_empty());
  const auto visit = [](MarginTracker& to, std::vector<std::int64_t> samples, std::vector<double> margins,
                        std::vector<double> losses) {
    to.add(samples, {.losses = Tensor::from(losses), .margins = Tensor::from(margins)});
  };
  visit(tracker, {0, 1, 2}, {1, -2, 5}, {0.3, 2, 0});
  MarginTracker resumed(4, MarginTracker::Last::kept);
  resumed.load_state_dict(tracker.state_dict());
  for (MarginTracker* each : {&tracker, &resumed}) {
    visit(*each, {2, 0, 1}, {nan, 3, -1}, {nan, 0.1, 1});  // sample 2 is ignored, 3 never drawn
    const auto ranking = each->ranking();
    ASSERT_EQ(ranking.size(), 3u);
    EXPECT_EQ(ranking[0].sample, 1);
    EXPECT_EQ(ranking[0].aum, -1.5);
    EXPECT_EQ(ranking[0].mean_loss, 1.5);
    EXPECT_EQ(ranking[0].last_loss, 1);
    EXPECT_EQ(ranking[1].sample, 0);
    EXPECT_EQ(ranking[2].aum, 5);
  }
  EXPECT_THROW(MarginTracker(5).load_state_dict(tracker.state_dict()), ValueError);
}

TEST(MarginTracker, RefusesDamagedStates) {
  MarginTracker tracker(2, MarginTracker::Last::kept);
  const std::vector<std::int64_t> samples{0, 1};
  tracker.add(samples, std::vector{1.0, 2.0}, std::vector{0.5, 0.25});
  const MarginTracker::State state = tracker.state_dict();
  for (std::size_t part = 0; part < state.size(); ++part) {
    MarginTracker::State damaged = state;
    damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(part));
    EXPECT_THROW(tracker.load_state_dict(damaged), ValueError) << state[part].first;
    damaged = state;
    damaged[part].second = damaged[part].second.dtype() == DType::int64
                               ? Tensor::from({std::int64_t{-1}, std::int64_t{1}})
                               : Tensor::from({1.0F, std::nanf("")});
    EXPECT_THROW(tracker.load_state_dict(damaged), ValueError) << state[part].first;
  }
  tracker.load_state_dict(state);
  EXPECT_EQ(tracker.ranking()[0].aum, 1);
}

TEST(MarginTracker, KeepsMeansWithinTheirStatedAccuracy) {
  constexpr unsigned seed = 11;
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  constexpr std::int64_t samples = 200;
  for (const int epochs : {1, 30, 1000}) {
    MarginTracker tracker(samples);
    std::vector<double> margins(samples), losses(samples);
    std::vector<std::int64_t> all(samples);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    for (int epoch = 0; epoch < epochs; ++epoch) {
      std::vector<double> m, l;
      for (std::size_t i = 0; i < all.size(); ++i) {
        m.push_back(5 + 0.01 * static_cast<double>(i) + normal(random)), l.push_back(std::exp(normal(random)));
        margins[i] += m.back(), losses[i] += l.back();
      }
      tracker.add(all, m, l);
    }
    for (const SampleScore& score : tracker.ranking()) {
      const auto at = static_cast<std::size_t>(score.sample);
      EXPECT_NEAR(score.aum, margins[at] / epochs, 2e-4 * 5) << "seed " << seed << ", epochs " << epochs;
      EXPECT_NEAR(score.mean_loss, losses[at] / epochs, 2e-4 * 2) << "seed " << seed << ", epochs " << epochs;
    }
  }
}

TEST(MarginTracker, CountsUpTo4095AndKeepsInfinities) {
  MarginTracker tracker(3);
  for (int i = 0; i < 5000; ++i) tracker.add(std::vector<std::int64_t>{0}, std::vector{2.0}, std::vector{1.0});
  tracker.add(std::vector<std::int64_t>{1, 1}, std::vector{1.0, 2.0}, std::vector{infinity, 1.0});
  EXPECT_EQ(tracker.visits(0), 4095);
  EXPECT_EQ(tracker.visits(1), 2);
  EXPECT_EQ(tracker.visits(2), 0);
  const auto ranking = tracker.ranking();
  ASSERT_EQ(ranking.size(), 2u);
  EXPECT_EQ(ranking[0].aum, 1.5);
  EXPECT_EQ(ranking[0].mean_loss, infinity);
  EXPECT_EQ(ranking[1].aum, 2);
  EXPECT_EQ(ranking[1].mean_loss, 1);
}

TEST(MarginTracker, MergesTheVisitsOfProcesses) {
  constexpr unsigned seed = 3;
  std::mt19937 random(seed);
  MarginTracker together(50), first(50), second(50);
  for (int i = 0; i < 500; ++i) {
    const std::vector<std::int64_t> sample{static_cast<std::int64_t>(random() % 50)};
    const std::vector<double> margin{static_cast<double>(random() % 64) / 8},
        loss{static_cast<double>(random() % 64) / 8};
    together.add(sample, margin, loss);
    (random() % 2 == 0 ? first : second).add(sample, margin, loss);
  }
  first.merge(second);
  for (std::int64_t i = 0; i < 50; ++i) EXPECT_EQ(first.visits(i), together.visits(i)) << "seed " << seed;
  auto a = first.ranking(), b = together.ranking();
  std::ranges::sort(a, {}, &SampleScore::sample);
  std::ranges::sort(b, {}, &SampleScore::sample);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].aum, b[i].aum, 1e-3) << "seed " << seed;
    EXPECT_NEAR(a[i].mean_loss, b[i].mean_loss, 1e-3) << "seed " << seed;
  }
  EXPECT_THROW(MarginTracker(10).merge(together), ValueError);
}

TEST(MarginTracker, NamesIndicesOutOfRange) {
  MarginTracker tracker(10), growing = MarginTracker::growing();
  const std::vector<double> one{1.0, 1.0};
  const auto message = [&](MarginTracker& to, std::vector<std::int64_t> samples) {
    try {
      to.add(samples, one, one);
    } catch (const IndexError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message(tracker, {3, 10}).find("index[1] is 10 (valid: 0..9"), std::string::npos)
      << message(tracker, {3, 10});
  EXPECT_NE(message(tracker, {-1, 3}).find("index[0] is -1"), std::string::npos);
  EXPECT_TRUE(tracker.is_empty()) << "an invalid batch leaves nothing";
  EXPECT_EQ(message(growing, {3, 1'000'000}), "");
  EXPECT_EQ(growing.samples(), 1'000'001);
  EXPECT_NE(message(growing, {std::int64_t{1} << 40, 0}).find("number of training samples"), std::string::npos);
}

TEST(MarginTracker, RanksByLossWithoutMargins) {
  MarginTracker tracker(3);
  tracker.add(std::vector<std::int64_t>{0, 1, 2}, {}, std::vector{0.5, 2.0, 1.0});
  EXPECT_FALSE(tracker.has_margins());
  EXPECT_EQ(tracker.ranking()[0].sample, 1);
  EXPECT_FALSE(find_suspects(tracker).has_value());
  MarginTracker resumed(3);
  resumed.load_state_dict(tracker.state_dict());
  EXPECT_EQ(resumed.ranking()[1].sample, 2);
  EXPECT_FALSE(resumed.has_margins());
}

TEST(SuspectsCsv, LeavesUnknownFieldsEmpty) {
  MarginTracker tracker(3);
  tracker.add(std::vector<std::int64_t>{0, 2}, std::vector{1.0, -1.0}, std::vector{0.5, 2.0});
  const std::vector<std::int64_t> labels{1, 0, -1}, rows{10, 11, 12};
  EXPECT_EQ(suspects_csv(*find_suspects(tracker), labels, rows),
            "rank,row,label,aum,mean_loss,last_loss\n1,12,,-1,2,\n2,10,1,1,0.5,\n");
}

}  // namespace
}  // namespace perdita::report
