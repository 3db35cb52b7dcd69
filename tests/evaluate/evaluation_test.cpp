// The streamed evaluation against its definitions, written out as plain loops over arrays in memory.
#include "perdita/evaluate/evaluation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "tests/evaluate/arrays.hpp"

namespace perdita::evaluate {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// Rows of an array that come from front to back, their number unknown, as those of text do.
class OneWay : public data::RowReader {
 public:
  explicit OneWay(Array array) : all_(data::rows_of(std::move(array), "one way")) {
    dtype = all_->dtype, row_shape = all_->row_shape, name = all_->name;
  }
  std::int64_t read(std::int64_t first, std::int64_t count, void* to) override {
    EXPECT_EQ(first, next_);
    const std::int64_t got = all_->read(first, count, to);
    next_ += got;
    return got;
  }

 private:
  std::unique_ptr<data::RowReader> all_;
  std::int64_t next_ = 0;
};

template <class T>
struct Classes {
  std::int64_t rows, classes;
  std::vector<T> logits;
  std::vector<std::int64_t> labels;

  Classes(std::int64_t n, std::int64_t k, unsigned seed) : rows(n), classes(k) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (std::int64_t i = 0; i < n; ++i) {
      labels.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(k)));
      for (std::int64_t j = 0; j < k; ++j)
        logits.push_back(static_cast<T>(2 * normal(random) + (labels.back() == j ? 2.0 : 0.0)));
    }
  }
  Array predictions() const { return array_of(logits, {rows, classes}); }
  Array targets() const { return array_of(labels, {rows}); }
};

/// Everything by its definition, in double.
struct Truth {
  std::vector<double> losses, confidences;
  std::vector<std::int64_t> predicted;
  double mean = 0, deviation = 0, ece = 0;
  std::int64_t correct = 0;

  template <class T>
  explicit Truth(const Classes<T>& c) {
    for (std::int64_t i = 0; i < c.rows; ++i) {
      const T* z = &c.logits[static_cast<std::size_t>(i * c.classes)];
      const auto best = std::max_element(z, z + c.classes) - z;
      double total = 0;
      for (std::int64_t j = 0; j < c.classes; ++j)
        total += std::exp(static_cast<double>(z[j]) - static_cast<double>(z[best]));
      const std::int64_t y = c.labels[static_cast<std::size_t>(i)];
      losses.push_back(std::log(total) - (static_cast<double>(z[y]) - static_cast<double>(z[best])));
      confidences.push_back(1 / total);
      predicted.push_back(best);
      correct += best == y;
      mean += losses.back() / static_cast<double>(c.rows);
    }
    for (double l : losses) deviation += (l - mean) * (l - mean);
    deviation = std::sqrt(deviation / static_cast<double>(c.rows - 1));
    for (int bin = 0; bin < 15; ++bin) {  // Guo et al. 2017, eq. 5
      double n = 0, right = 0, confidence = 0;
      for (std::size_t i = 0; i < losses.size(); ++i) {
        if (!(confidences[i] > bin / 15.0 && confidences[i] <= (bin + 1) / 15.0)) continue;
        ++n, right += predicted[i] == c.labels[i], confidence += confidences[i];
      }
      if (n > 0) ece += n / static_cast<double>(c.rows) * std::abs(right / n - confidence / n);
    }
  }
};

template <class T>
void expect_truth(const Classes<T>& c, double tolerance) {
  SCOPED_TRACE(testing::Message() << c.rows << " x " << c.classes);
  const Truth truth(c);
  const Evaluation e = evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"));
  EXPECT_EQ(e.rows, c.rows);
  EXPECT_EQ(e.losses.count, c.rows);
  EXPECT_NEAR(e.losses.mean, truth.mean, tolerance);
  EXPECT_NEAR(e.losses.standard_deviation, truth.deviation, tolerance);
  const double half = 1.959963984540054 * truth.deviation / std::sqrt(static_cast<double>(c.rows));
  EXPECT_NEAR(e.interval.high, truth.mean + half, 3e-3 * half + tolerance);
  EXPECT_EQ(e.classes->correct, truth.correct);
  EXPECT_NEAR(e.calibration->ece, truth.ece, 1e-5);  // where rounding takes a confidence over a bin's edge
  std::vector<std::int64_t> confusion(static_cast<std::size_t>(c.classes * c.classes));
  std::vector<double> sums(static_cast<std::size_t>(c.classes));
  for (std::size_t i = 0; i < truth.losses.size(); ++i) {
    ++confusion[static_cast<std::size_t>(c.labels[i] * c.classes + truth.predicted[i])];
    sums[static_cast<std::size_t>(c.labels[i])] += truth.losses[i];
  }
  if (c.classes <= ClassCounts::most_confusion_classes) {
    EXPECT_EQ(e.classes->confusion, confusion);
  }
  if (std::ssize(e.sampled_losses) == c.rows) {  // all of them, with their classes
    std::vector<double> sampled(sums.size());
    for (std::size_t i = 0; i < e.sampled_losses.size(); ++i)
      sampled[static_cast<std::size_t>(e.sampled_classes[i])] += static_cast<double>(e.sampled_losses[i]);
    for (std::size_t k = 0; k < sums.size(); ++k)
      EXPECT_NEAR(sampled[k], sums[k], static_cast<double>(c.rows) * (tolerance + 1e-6));
  }
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const auto row = confusion.begin() + static_cast<std::ptrdiff_t>(k * sums.size());
    const std::int64_t support = std::accumulate(row, row + c.classes, std::int64_t{0});
    EXPECT_EQ(e.classes->classes[k].support, support);
    EXPECT_EQ(e.classes->classes[k].correct, confusion[k * sums.size() + k]);
    if (support > 0) {
      EXPECT_NEAR(e.classes->classes[k].mean_loss, sums[k] / static_cast<double>(support), 10 * tolerance);
    }
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(c.rows));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::int64_t i) { return truth.losses[static_cast<std::size_t>(i)]; });
  ASSERT_EQ(e.hardest.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto at = static_cast<std::size_t>(order[i]);
    EXPECT_EQ(e.hardest[i].index, order[i]) << i;
    EXPECT_NEAR(e.hardest[i].loss, truth.losses[at], 100 * tolerance);
    EXPECT_EQ(e.hardest[i].predicted, static_cast<double>(truth.predicted[at]));
    EXPECT_EQ(e.hardest[i].truth, static_cast<double>(c.labels[at]));
  }
  std::vector<double> sorted = truth.losses;
  std::ranges::sort(sorted);
  const double bound = e.exact_quantiles ? 0.0 : QuantileSketch::relative_error;
  for (const auto& [share, quantile] : {std::pair(0.25, e.losses.lower_quartile), std::pair(0.5, e.losses.median),
                                        std::pair(0.95, e.losses.p95), std::pair(0.99, e.losses.p99)}) {
    const auto below = static_cast<std::size_t>(share * static_cast<double>(c.rows - 1));
    EXPECT_GE(quantile, sorted[below] * (1 - bound) - 100 * tolerance) << share;
    EXPECT_LE(quantile, sorted[below + 1] * (1 + bound) + 100 * tolerance) << share;
  }
  EXPECT_NEAR(e.losses.max, sorted.back(), 100 * tolerance);
}

TEST(Evaluation, OfClassesIsItsDefinition) {
  expect_truth(Classes<float>(30011, 10, 1), 1e-6);
  expect_truth(Classes<double>(3001, 7, 2), 1e-12);
  expect_truth(Classes<float>(700, 2, 3), 1e-6);
  expect_truth(Classes<float>(900, 600, 4), 1e-5);  // rows walked along classes; no confusion matrix
}

TEST(Evaluation, OfMoreRowsThanAreKept) {
  const Classes<float> c(700000, 3, 5);
  const Evaluation e = evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"));
  EXPECT_FALSE(e.exact_quantiles);
  expect_truth(c, 1e-6);
}

TEST(Evaluation, IsTheSameForAnyNumberOfThreadsAndAnyWayOfReading) {
  const Classes<float> c(60007, 10, 6);
  std::vector<double> weights;
  for (std::int64_t i = 0; i < c.rows; ++i) weights.push_back(static_cast<double>(i % 5));
  const Array w = array_of(weights, {c.rows});
  const int threads = num_threads();
  std::string first;
  for (int count : {1, 2, 3, 5}) {
    set_num_threads(count);
    const std::string known = to_json(evaluate_arrays(c.predictions(), c.targets(), with_loss("focal"), &w));
    OneWay predictions(c.predictions()), targets(c.targets());
    const auto any_order = data::rows_of(w, "weights");
    const std::string streamed = to_json(evaluate(predictions, targets, any_order.get(), with_loss("focal")));
    if (first.empty()) first = known;
    EXPECT_EQ(known, first) << count;
    EXPECT_EQ(streamed, first) << count;
  }
  set_num_threads(threads);
}

TEST(Evaluation, OfProbabilitiesIsThatOfTheirLogits) {
  const Classes<double> c(2000, 5, 7);
  std::vector<double> probabilities = c.logits, logs;
  for (std::size_t row = 0; row < probabilities.size(); row += 5) {
    double total = 0;
    for (std::size_t k = row; k < row + 5; ++k) total += probabilities[k] = std::exp(probabilities[k]);
    for (std::size_t k = row; k < row + 5; ++k) probabilities[k] /= total;
  }
  for (double p : probabilities) logs.push_back(std::log(p));
  EvaluationOptions options = with_loss("cross_entropy");
  const Evaluation logits = evaluate_arrays(c.predictions(), c.targets(), options);
  EXPECT_TRUE(logits.warnings.empty());
  const auto expect_same = [&](const Evaluation& e) {
    EXPECT_NEAR(e.losses.mean, logits.losses.mean, 1e-12);
    EXPECT_NEAR(e.calibration->ece, logits.calibration->ece, 1e-12);
    EXPECT_NEAR(e.temperature->temperature, logits.temperature->temperature, 1e-5);
    EXPECT_EQ(e.classes->confusion, logits.classes->confusion);
    EXPECT_TRUE(e.warnings.empty());
  };
  options.scale = Scale::probabilities;
  expect_same(evaluate_arrays(array_of(probabilities, {2000, 5}), c.targets(), options));
  options.scale = Scale::log_probabilities;
  expect_same(evaluate_arrays(array_of(logs, {2000, 5}), c.targets(), options));
  expect_same(evaluate_arrays(array_of(logs, {2000, 5}), c.targets(), with_loss("nll")));
  const Evaluation mistaken =
      evaluate_arrays(array_of(probabilities, {2000, 5}), c.targets(), with_loss("cross_entropy"));
  ASSERT_EQ(mistaken.warnings.size(), 1u);
  EXPECT_NE(mistaken.warnings[0].find("appear to be probabilities"), std::string::npos);
}

// Calibration and temperature are those of the capped logits, too.
TEST(Evaluation, OfCappedLogitsIsThatOfTheirValues) {
  const Classes<double> c(400, 5, 7);
  Classes<double> capped = c;
  for (double& z : capped.logits) z = 1.5 * std::tanh(z / 1.5);
  const auto of = [](const Classes<double>& all, const char* loss, Scale scale) {
    const auto p = data::rows_of(all.predictions(), "p"), t = data::rows_of(all.targets(), "t");
    return evaluate(*p, *t, nullptr, {.loss = parse_loss_sum(loss), .scale = scale});
  };
  const auto found = of(c, "cross_entropy:softcap=1.5", Scale::logits),
             expected = of(capped, "cross_entropy", Scale::logits);
  EXPECT_NEAR(found.losses.mean, expected.losses.mean, 1e-14);
  EXPECT_NEAR(found.calibration->ece, expected.calibration->ece, 1e-14);
  EXPECT_NEAR(found.temperature->temperature, expected.temperature->temperature, 1e-5);
  EXPECT_EQ(found.classes->accuracy, expected.classes->accuracy);
  EXPECT_THROW(of(c, "cross_entropy:softcap=1.5", Scale::log_probabilities), ValueError);
  EXPECT_THROW(of(c, "focal + cross_entropy:softcap=1.5", Scale::log_probabilities), ValueError);
}

TEST(Evaluation, WeightsCountInTheMeanAndItsInterval) {
  const Classes<double> c(5000, 4, 8);
  const Truth truth(c);
  std::vector<float> weights;
  for (std::int64_t i = 0; i < c.rows; ++i) weights.push_back(static_cast<float>(i % 7) / 2);
  const Array w = array_of(weights, {c.rows, 1});
  const Evaluation e = evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"), &w);
  double total = 0, mean = 0, squares = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) total += weights[i], mean += weights[i] * truth.losses[i];
  mean /= total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double part = weights[i] * (truth.losses[i] - mean);
    squares += part * part;
  }
  EXPECT_NEAR(e.losses.mean, mean, 1e-12);
  EXPECT_NEAR(e.losses.standard_error, std::sqrt(squares * 5000 / 4999) / total, 1e-12);
  EXPECT_EQ(e.classes->correct, truth.correct);
  const Array bad = array_of(std::vector<float>(5000, -1.0f), {5000});
  EXPECT_THROW(evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"), &bad), DataError);
  const Array none = array_of(std::vector<float>(5000, 0.0f), {5000});
  EXPECT_THROW(evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"), &none), DataError);
}

// Rows whose loss is not finite are left out of the mean alone; rows without a prediction count as wrong.
TEST(Evaluation, WhatDoesNotCountIsToldAndLeftOut) {
  Classes<float> c(10000, 4, 11);
  const Classes<float> whole = c;
  c.labels[3] = c.labels[7000] = -100;
  c.logits[4 * 8000] = std::numeric_limits<float>::quiet_NaN();
  c.logits[4 * 9000 + 1] = std::numeric_limits<float>::quiet_NaN();
  c.labels[9500] = 2, c.logits[4 * 9500 + 2] = -std::numeric_limits<float>::infinity();
  const Evaluation e = evaluate_arrays(c.predictions(), c.targets(), with_loss("cross_entropy"));
  EXPECT_EQ(e.left_out.ignored, 2);
  EXPECT_EQ(e.left_out.nan, 2);
  EXPECT_EQ(e.left_out.infinite, 1);
  EXPECT_EQ(e.left_out.first, 8000);
  EXPECT_EQ(e.losses.count, 9995);
  EXPECT_EQ(e.counted, 9998);
  EXPECT_EQ(e.classes->samples, 9998);
  EXPECT_EQ(e.left_out.unpredicted, 2);
  ASSERT_EQ(e.warnings.size(), 1u);
  EXPECT_EQ(e.warnings[0],
            "3 of 9998 losses are not finite (2 NaN, 1 infinite; first: row 8000): they are excluded from the mean "
            "loss and the quantiles of the loss, but not from the other metrics");
  ASSERT_GE(e.hardest.size(), 3u);
  EXPECT_EQ(e.hardest[0].index, 8000);
  EXPECT_TRUE(std::isnan(e.hardest[0].loss) && std::isnan(e.hardest[0].predicted));
  EXPECT_EQ(e.hardest[1].index, 9000);
  EXPECT_EQ(e.hardest[2].index, 9500);
  EXPECT_EQ(e.hardest[2].loss, inf);
  Classes<float> rest(0, 4, 0);
  for (std::size_t i = 0; i < 10000; ++i) {
    if (i == 3 || i == 7000 || i == 8000 || i == 9000 || i == 9500) continue;
    ++rest.rows;
    rest.labels.push_back(whole.labels[i]);
    rest.logits.insert(rest.logits.end(), &whole.logits[4 * i], &whole.logits[4 * i] + 4);
  }
  const Evaluation of_rest = evaluate_arrays(rest.predictions(), rest.targets(), with_loss("cross_entropy"));
  EXPECT_NEAR(e.losses.mean, of_rest.losses.mean, 1e-12);
  EXPECT_EQ(e.losses.median, of_rest.losses.median);
  auto confusion = of_rest.classes->confusion;  // and the row of infinite loss, which predicts another class
  const auto predicted = static_cast<std::size_t>(e.hardest[2].predicted);
  EXPECT_NE(predicted, 2u);
  ++confusion[2 * 4 + predicted];
  EXPECT_EQ(e.classes->confusion, confusion);
  EXPECT_EQ(e.classes->correct, of_rest.classes->correct);
  std::int64_t calibrated = 0;
  for (const CalibrationBin& bin : e.calibration->bins) calibrated += bin.count;
  EXPECT_EQ(calibrated, 9996);
}

TEST(Evaluation, AccuracyHasTheRowsOfInfiniteLoss) {
  const Array p = array_of(std::vector<double>{0, 1, 1, 0, .7, .3}, {3, 2});
  const Array y = array_of(std::vector<std::int64_t>{1, 1, 0}, {3});
  EvaluationOptions options = with_loss("cross_entropy");
  options.scale = Scale::probabilities;
  const Evaluation e = evaluate_arrays(p, y, options);
  EXPECT_EQ(e.classes->accuracy, 2.0 / 3);
  EXPECT_EQ(e.left_out.infinite, 1);
  EXPECT_EQ(e.losses.count, 2);
  EXPECT_NEAR(e.losses.mean, -std::log(.7) / 2, 1e-15);
  EXPECT_EQ(e.classes->confusion, (std::vector<std::int64_t>{1, 0, 1, 1}));
  EXPECT_EQ(e.calibration->bins.back().count, 2);  // of confidence 1, one wrong
  EXPECT_NEAR(e.calibration->ece, 2.0 / 3 * 0.5 + 1.0 / 3 * 0.3, 1e-15);
  EXPECT_EQ(e.hardest[0].index, 1);
}

TEST(Evaluation, OfInfiniteLossesAlone) {
  const Array p = array_of(std::vector<double>{0, 1, 1, 0}, {2, 2});
  const Array y = array_of(std::vector<std::int64_t>{0, 1}, {2});
  EvaluationOptions options = with_loss("cross_entropy");
  options.scale = Scale::probabilities;
  const Evaluation e = evaluate_arrays(p, y, options);
  EXPECT_TRUE(std::isnan(e.losses.mean));
  EXPECT_EQ(e.classes->accuracy, 0);
  EXPECT_NE(to_json(e).find("\"mean\": null"), std::string::npos);
}

template <class E>
std::string refusal(const Array& predictions, const Array& targets, const EvaluationOptions& options) {
  try {
    evaluate_arrays(predictions, targets, options);
  } catch (const E& error) {
    return error.what();
  }
  return "(no exception)";
}

TEST(Evaluation, NamesWhatDoesNotFit) {
  const Classes<float> c(70000, 3, 12);
  const EvaluationOptions entropy = with_loss("cross_entropy");
  auto labels = c.labels;
  labels[69999] = 3, labels[50000] = -1;
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect(refusal<IndexError>(c.predictions(), array_of(labels, {70000}), entropy),
         "targets: target[50000] is -1, but input has 3 classes (valid: 0..2");
  std::vector<float> fractions(70000, 1.0f);
  fractions[123] = 1.5f;
  expect(refusal<IndexError>(c.predictions(), array_of(fractions, {70000}), entropy), "target[123] is 1.5");
  fractions[123] = 1.0f;
  EXPECT_EQ(evaluate_arrays(c.predictions(), array_of(fractions, {70000, 1}), entropy).losses.count, 70000);
  expect(refusal<ShapeError>(c.predictions(), array_of(std::vector<std::int64_t>(5), {5}), entropy),
         "predictions 70000 rows, targets 5 rows");
  expect(refusal<ShapeError>(c.predictions(), c.predictions(), entropy), "one class index per row");
  expect(refusal<ShapeError>(c.predictions(), c.targets(), with_loss("mse")), "valid for mse: equal");
  EvaluationOptions shares = entropy;
  shares.scale = Scale::probabilities;
  expect(refusal<DataError>(c.predictions(), c.targets(), shares), "row 0 contains");
  expect(refusal<DataError>(array_of(std::vector<float>{0.5f, NAN, 2.0f}, {3}), array_of(std::vector<float>(3), {3}),
                            with_loss("binary_cross_entropy")),
         "row 2 contains 2");
  expect(refusal<DataError>(array_of(std::vector<float>(3), {3}), array_of(std::vector<float>{0, 1, 0.5}, {3}),
                            with_loss("binary_cross_entropy_with_logits")),
         "target[2] is 0.5");
  expect(refusal<ValueError>(c.predictions(), c.predictions(), with_loss("gaussian_nll")), "gaussian_nll");
  expect(refusal<DataError>(array_of(std::vector<float>{0, 0}, {1, 2}), array_of(std::vector<std::int64_t>{-100}, {1}),
                            entropy),
         "1 of 1 rows have the ignored label");
  expect(refusal<DataError>(array_of(std::vector<float>{}, {0}), array_of(std::vector<float>{}, {0}), with_loss("l1")),
         "there is no sample to evaluate: 0 of 0 rows");
  OneWay short_one(array_of(std::vector<float>(300000), {300000})),
      long_one(array_of(std::vector<float>(900001), {900001}));
  try {
    evaluate(short_one, long_one, nullptr, with_loss("l1"));
    ADD_FAILURE();
  } catch (const ShapeError& error) {
    expect(error.what(), "predictions 300000 rows, targets 900001 rows");
  }
}

}  // namespace
}  // namespace perdita::evaluate
