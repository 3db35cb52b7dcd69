// The parts of a streamed evaluation: moments, quantile sketch, calibration bins, the hardest, the temperature.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/evaluation.hpp"

namespace perdita::evaluate {
namespace {

using Values = std::vector<double>;

std::span<const double> span_of(const Values& values) { return values; }

TEST(Moments, DoNotCancel) {
  Values values;
  for (int i = 0; i < 5000; ++i) values.push_back(1e9 + i % 3);  // of variance 2/3
  MeanLoss parts, other;
  parts.add(span_of(values).first(1234), {});
  other.add(span_of(values).subspan(1234), {});
  parts.merge(other);
  const Summary whole = summarize(values);
  EXPECT_NEAR(parts.mean(), whole.mean, 1e-6);
  EXPECT_NEAR(parts.standard_deviation(), whole.standard_deviation, 1e-9);
  EXPECT_EQ(parts.count(), 5000);
  MeanLoss one;
  one.add(span_of(values).first(1), {});
  EXPECT_TRUE(std::isnan(one.interval().low));
}

TEST(QuantileSketch, KeepsItsBound) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> skewed(-3, 4);
  for (bool with_negatives : {false, true}) {
    Values values(300000);
    for (double& v : values) v = skewed(random) * (with_negatives && random() % 2 ? -1 : 1);
    values[0] = 0, values[1] = 1e-310, values[2] = 1e300;
    QuantileSketch sketch, second;
    sketch.add(span_of(values).first(100000));
    second.add(span_of(values).subspan(100000));
    sketch.merge(second);
    EXPECT_FALSE(sketch.is_exact());
    EXPECT_EQ(sketch.count(), 300000);
    std::ranges::sort(values);
    for (double share : {0.0, 0.001, 0.25, 0.5, 0.9, 0.999, 1.0}) {
      const double truth = values[static_cast<std::size_t>(share * 299999)];
      EXPECT_NEAR(sketch.quantile(share), truth, QuantileSketch::relative_error * std::abs(truth) + 2.4e-41) << share;
    }
    const Histogram h = sketch.histogram(0.01, 10, 20, true);
    std::int64_t all = h.below + h.above;
    for (std::int64_t count : h.counts) all += count;
    EXPECT_EQ(all, 300000);
  }
}

TEST(QuantileSketch, IsExactWhileThereAreFew) {
  const Values values{7, 1, 3, 10, 2, 4};
  QuantileSketch sketch, second;
  sketch.add(span_of(values).first(2));
  second.add(span_of(values).subspan(2));
  sketch.merge(second);
  EXPECT_TRUE(sketch.is_exact());
  EXPECT_EQ(sketch.quantile(0.5), 3.5);
  EXPECT_EQ(sketch.summary().p95, summarize(values).p95);
  EXPECT_TRUE(std::isnan(QuantileSketch().quantile(0.5)));
}

TEST(Calibration, BinsAreOpenToTheLeft) {
  CalibrationCounts counts(4);
  for (double confidence : {0.0, 0.25, 0.2500001, 0.5, 0.75, 1.0, 1.0}) counts.add(confidence, confidence == 1);
  const Calibration c = counts.result();
  EXPECT_EQ(c.bins[0].count, 2);
  EXPECT_EQ(c.bins[1].count, 2);
  EXPECT_EQ(c.bins[2].count, 1);
  EXPECT_EQ(c.bins[3].count, 2);
  EXPECT_NEAR(c.ece, (0.25 + 0.7500001 + 0.75) / 7, 1e-12);
  EXPECT_NEAR(c.mce, 0.75, 1e-12);
  EXPECT_TRUE(std::isnan(CalibrationCounts(3).result().bins[0].accuracy));
  EXPECT_THROW(CalibrationCounts(0), ValueError);
}

TEST(Hardest, OfEqualLossesTheFirst) {
  Hardest a(3), b(3);
  const auto add = [](Hardest& to, std::int64_t index, double loss) {
    if (to.takes(loss)) to.add({index, loss, 0, 0});
  };
  for (std::int64_t i = 0; i < 10; ++i) add(a, i, i == 4 ? 9 : 5);
  for (std::int64_t i = 10; i < 20; ++i) add(b, i, i == 15 ? 7 : 5);
  a.merge(b);
  std::vector<std::int64_t> places;
  for (const HardSample& sample : a.result()) places.push_back(sample.index);
  EXPECT_EQ(places, (std::vector<std::int64_t>{4, 15, 0}));
  Hardest none(0);
  EXPECT_FALSE(none.takes(1e300));
  none.add({0, std::nan(""), 0, 0});
  EXPECT_TRUE(none.result().empty());
}

TEST(Hardest, NanComesBeforeInfinity) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  Hardest hardest(3);
  std::vector<std::int64_t> places;
  const Values losses{1, inf, 2, std::nan(""), 5, inf, std::nan(""), std::nan(""), std::nan(""), inf};
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (hardest.takes(losses[i])) hardest.add({static_cast<std::int64_t>(i), losses[i], 0, 0});
    if (i != 5) continue;
    for (const HardSample& sample : hardest.result()) places.push_back(sample.index);
  }
  EXPECT_EQ(places, (std::vector<std::int64_t>{3, 1, 5}));
  places.clear();
  for (const HardSample& sample : hardest.result()) places.push_back(sample.index);
  EXPECT_EQ(places, (std::vector<std::int64_t>{3, 6, 7}));
  EXPECT_FALSE(hardest.takes(inf));
}

/// Labels drawn from softmax(z), and logits that are `sharpness` times too large: the temperature is known.
RowSample overconfident(std::int64_t rows, double sharpness, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  RowSample sample(5, 1 << 20, 1 << 24);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<double> z(5), p(5);
    double total = 0;
    for (std::size_t k = 0; k < 5; ++k) z[k] = 1.5 * normal(random), total += p[k] = std::exp(z[k]);
    for (double& x : p) x /= total;
    for (double& x : z) x *= sharpness;
    const std::int32_t label = std::discrete_distribution<std::int32_t>(p.begin(), p.end())(random);
    const double loss = 1;
    sample.add(i, static_cast<const double*>(z.data()), std::span(&label, 1), std::span(&loss, 1));
  }
  return sample;
}

TEST(Temperature, IsFound) {
  for (double sharpness : {3.0, 1.0, 0.25}) {
    const RowSample sample = overconfident(40000, sharpness, 3);
    EXPECT_EQ(sample.size(), 40000u);
    const auto fit = fit_temperature(sample, 15);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->temperature, sharpness, 0.03 * sharpness);
    EXPECT_LE(fit->nll_after, fit->nll_before);
    EXPECT_LT(fit->ece_after, 0.015);
    const auto nll_at = [&](double temperature) {  // by its definition
      double sum = 0;
      for (std::size_t i = 0; i < sample.size(); ++i) {
        double total = 0;
        for (float z : sample.logits(i)) total += std::exp(static_cast<double>(z) / temperature);
        sum += std::log(total) -
               static_cast<double>(sample.logits(i)[static_cast<std::size_t>(sample.label(i))]) / temperature;
      }
      return sum / static_cast<double>(sample.size());
    };
    EXPECT_NEAR(fit->nll_after, nll_at(fit->temperature), 1e-9);
    EXPECT_NEAR(fit->nll_before, nll_at(1), 1e-9);
    EXPECT_GT(nll_at(1.02 * fit->temperature), fit->nll_after);
    EXPECT_GT(nll_at(0.98 * fit->temperature), fit->nll_after);
  }
}

TEST(Temperature, IsNotToldWhereThereIsNone) {
  RowSample right(2, 100, 10000);
  const std::vector<double> z{1, 3, 2, -1, 0.5, 0.6};
  const std::vector<std::int32_t> labels{1, 0, 1};
  const Values losses{1, 1, 1};
  right.add(0, z.data(), labels, span_of(losses));
  EXPECT_FALSE(fit_temperature(right, 15));  // all right: the colder the better
  RowSample wrong(2, 100, 10000);
  const std::vector<std::int32_t> others{0, 1, 0};
  wrong.add(0, z.data(), others, span_of(losses));
  EXPECT_FALSE(fit_temperature(wrong, 15));
  EXPECT_FALSE(fit_temperature(RowSample(2, 100, 10000), 15));
}

TEST(RowSample, IsBoundedAndFair) {
  constexpr std::int64_t rows = 200000;
  RowSample sample(1, 1000, 1 << 20), parts(1, 1000, 1 << 20);
  std::vector<float> z(rows);
  for (std::int64_t i = 0; i < rows; ++i) z[static_cast<std::size_t>(i)] = static_cast<float>(i);
  std::vector<std::int32_t> labels(rows, 0);
  std::vector<float> losses;
  for (float row : z) losses.push_back(0.5f * row);
  sample.add(0, z.data(), labels, std::span<const float>(losses));
  // The same rows in two heaps, each in pieces: the same sample.
  for (std::int64_t half : {0, 1}) {
    RowSample heap(1, 1000, 1 << 20);
    for (std::int64_t at = half * 100000; at < (half + 1) * 100000; at += 700) {
      const auto count = static_cast<std::size_t>(std::min<std::int64_t>(700, (half + 1) * 100000 - at));
      heap.add(at, z.data() + at, std::span(labels).subspan(static_cast<std::size_t>(at), count),
               std::span<const float>(losses).subspan(static_cast<std::size_t>(at), count));
    }
    parts.merge(heap);
  }
  EXPECT_LE(sample.size(), 1000u);
  EXPECT_GE(sample.size(), 400u);
  std::vector<float> a, b;
  for (std::size_t i = 0; i < sample.size(); ++i) a.push_back(sample.logits(i)[0]);
  for (std::size_t i = 0; i < parts.size(); ++i) b.push_back(parts.logits(i)[0]);
  EXPECT_EQ(a, b);
  for (const RowSample* whose : {&sample, &parts}) {
    for (std::size_t i = 0; i < whose->size(); ++i) EXPECT_EQ(whose->loss(i), 0.5f * whose->logits(i)[0]);
  }
  // One of each group of neighbours, and none of the remainders by 2, 3 and 8 is preferred.
  for (std::size_t i = 1; i < a.size(); ++i)
    EXPECT_EQ(static_cast<int>(a[i]) / 256, static_cast<int>(a[i - 1]) / 256 + 1);
  for (int divisor : {2, 3, 8}) {
    std::vector<double> counts(static_cast<std::size_t>(divisor));
    for (float row : a) ++counts[static_cast<std::size_t>(row) % static_cast<std::size_t>(divisor)];
    const double expected = static_cast<double>(a.size()) / divisor;
    double chi2 = 0;
    for (double count : counts) chi2 += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi2, 26) << divisor;  // 7 degrees of freedom: 0.05 % of fair samples are above
  }
  for (std::size_t i = 0; i < labels.size(); i += 2) labels[i] = -1;
  RowSample odd(1, 1000, 1 << 20);
  odd.add(0, z.data(), labels, std::span<const float>(losses));
  for (std::size_t i = 0; i < odd.size(); ++i) EXPECT_EQ(static_cast<int>(odd.logits(i)[0]) % 2, 1);
}

/// The area of scores in two parts of a stream.
RocArea area_of(const Values& scores, const std::vector<std::int32_t>& labels, std::int64_t kept = 0) {
  const auto shared = std::make_shared<std::atomic<std::int64_t>>(kept);
  RocScores first(shared), second(shared);
  const std::size_t half = scores.size() / 2;
  const auto all = span_of(scores);
  const std::span<const std::int32_t> classes(labels);
  first.add(all.first(half), all.first(half), classes.first(half));
  second.add(all.subspan(half), all.subspan(half), classes.subspan(half));
  first.merge(std::move(second));
  return first.area();
}

TEST(RocArea, OfKnownScores) {
  const Values scores{-3, -2, -1, 0, 0, 1, 2, 5};
  const std::vector<std::int32_t> labels{0, 1, 0, 0, 1, 1, 0, 1};
  // Pairs won: -2 beats 1, 0 beats 2 and ties 1, 1 beats 3, 5 beats 4.
  const RocArea area = area_of(scores, labels);
  EXPECT_EQ(area.area, 10.5 / 16);
  EXPECT_EQ(area.error, 0);
  EXPECT_TRUE(area.is_exact);
  EXPECT_TRUE(std::isnan(area_of({1, 2}, {1, 1}).area));
  const RocArea bounded = area_of(scores, labels, RocScores::most_exact);
  EXPECT_FALSE(bounded.is_exact);
  EXPECT_DOUBLE_EQ(bounded.area, 10.5 / 16);
  EXPECT_DOUBLE_EQ(bounded.error, 0.5 / 16);
}

// Buckets of equal ratio are 0.2 wide there.
TEST(RocArea, TellsApartScoresThatAreClose) {
  const Values scores{98, 98.01, 98.02, 98.03, 98.04, 98.05, 98.06, 98.07, 98.08, 98.09, 98.1};
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1};
  EXPECT_EQ(area_of(scores, labels).area, 27.0 / 30);
}

TEST(RocArea, NanLosesEveryPair) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(area_of({1, 2, std::nan(""), 3}, {0, 0, 1, 1}).area, 0.5);
  EXPECT_EQ(area_of({1, std::nan(""), 3, 3}, {0, 0, 1, 1}).area, 0.5);
  EXPECT_EQ(area_of({-inf, inf, -inf, inf}, {0, 0, 1, 1}).area, 0.5);
}

}  // namespace
}  // namespace perdita::evaluate
