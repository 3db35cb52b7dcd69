// The streamed evaluation of yes and no, and of numbers, against definitions written out as plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "tests/evaluate/arrays.hpp"

namespace perdita::evaluate {
namespace {

TEST(Evaluation, OfBinaryIsItsDefinition) {
  std::mt19937 random(9);
  std::normal_distribution<double> normal;
  std::vector<double> logits, probabilities, labels;
  for (int i = 0; i < 3000; ++i) {
    labels.push_back(random() % 3 == 0);
    logits.push_back(2 * normal(random) + (labels.back() == 1 ? 1.5 : -1.5));
    probabilities.push_back(1 / (1 + std::exp(-logits.back())));
  }
  const Array z = array_of(logits, {3000}), p = array_of(probabilities, {3000}), t = array_of(labels, {3000, 1});
  double brier = 0, loss = 0, pairs = 0, won = 0;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    brier += (probabilities[i] - labels[i]) * (probabilities[i] - labels[i]) / 3000;
    loss -= std::log(labels[i] == 1 ? probabilities[i] : 1 - probabilities[i]) / 3000;
    correct += (logits[i] > 0) == (labels[i] == 1);
    for (std::size_t j = 0; j < 3000; ++j) {
      if (labels[i] != 1 || labels[j] != 0) continue;
      ++pairs, won += logits[i] > logits[j] ? 1 : logits[i] == logits[j] ? 0.5 : 0;
    }
  }
  EvaluationOptions from_probabilities = with_loss("binary_cross_entropy_with_logits"),
                    to_probabilities = with_loss("binary_cross_entropy");
  from_probabilities.scale = Scale::probabilities;
  to_probabilities.scale = Scale::logits;
  for (const Evaluation& e : {evaluate_arrays(z, t, with_loss("binary_cross_entropy_with_logits")),
                              evaluate_arrays(p, t, with_loss("binary_cross_entropy")),
                              evaluate_arrays(p, t, from_probabilities), evaluate_arrays(z, t, to_probabilities)}) {
    EXPECT_EQ(e.kind, Kind::binary);
    EXPECT_NEAR(e.losses.mean, loss, 1e-10);
    EXPECT_NEAR(e.brier, brier, 1e-10);
    EXPECT_EQ(e.classes->correct, correct);
    EXPECT_EQ(e.roc->error, 0);
    EXPECT_EQ(e.roc->area, won / pairs);
    EXPECT_NEAR(e.temperature->temperature, 1, 5);  // fitted at all
  }
  std::vector<double> signs = labels;
  for (double& s : signs) s = 2 * s - 1;
  EXPECT_EQ(evaluate_arrays(z, array_of(signs, {3000}), with_loss("soft_margin")).classes->correct, correct);
  EXPECT_THROW(evaluate_arrays(z, t, with_loss("soft_margin")), DataError);
}

TEST(Evaluation, OfNumbersIsItsDefinition) {
  std::mt19937 random(10);
  std::normal_distribution<double> normal;
  std::vector<double> y, t, residuals;
  for (int i = 0; i < 4000; ++i) {
    t.push_back(5 + 2 * normal(random));
    y.push_back(t.back() + 0.3 + normal(random));
    residuals.push_back(y.back() - t.back());
  }
  const RegressionScore score = score_regression(t, y);
  const Evaluation e = evaluate_arrays(array_of(y, {2000, 2}), array_of(t, {2000, 2}), with_loss("mse"));
  EXPECT_NEAR(e.losses.mean, score.mse, 1e-12);
  EXPECT_NEAR(e.regression->mse, score.mse, 1e-12);
  EXPECT_NEAR(e.regression->mae, score.mae, 1e-12);
  EXPECT_NEAR(e.regression->bias, score.bias, 1e-12);
  EXPECT_NEAR(e.regression->r2, score.r2, 1e-12);
  const Summary r = summarize(std::span<const double>(residuals));
  EXPECT_DOUBLE_EQ(e.residuals.median, r.median);
  EXPECT_NEAR(e.residuals.standard_deviation, r.standard_deviation, 1e-12);
  const auto worst = std::ranges::max_element(residuals, {}, [](double v) { return std::abs(v); }) - residuals.begin();
  const Place place = place_of(e, e.hardest[0]);
  EXPECT_EQ(place.row, worst / 2);
  EXPECT_EQ(place.column, worst % 2);
}

TEST(Evaluation, TheDivergenceOfARowIsASum) {
  const std::vector<double> logs{std::log(0.5), std::log(0.5), std::log(0.9), std::log(0.1)}, t{1, 0, 0.5, 0.5};
  const Evaluation e = evaluate_arrays(array_of(logs, {2, 2}), array_of(t, {2, 2}), with_loss("kl_div"));
  EXPECT_EQ(e.losses.count, 2);
  EXPECT_NEAR(e.losses.mean, (std::log(2) + 0.5 * std::log(0.5 / 0.9) + 0.5 * std::log(0.5 / 0.1)) / 2, 1e-12);
  std::vector<double> log_t;
  for (double p : t) log_t.push_back(std::log(p));  // of 0 too, which is -inf
  const Evaluation of_logs =
      evaluate_arrays(array_of(logs, {2, 2}), array_of(log_t, {2, 2}), with_loss("kl_div:log_target=true"));
  EXPECT_NEAR(of_logs.losses.mean, e.losses.mean, 1e-12);
}

TEST(Evaluation, OfProbabilitiesThatAreExactlyZeroAndOne) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> probabilities{0, 1, 1, 0, 0.25}, right{0, 1, 1, 0, 1}, wrong{1, 0, 1, 0, 1};
  std::vector<double> logits;
  for (double p : probabilities) logits.push_back(p == 0 ? -inf : p == 1 ? inf : std::log(p) - std::log1p(-p));
  for (const std::string loss : {"binary_cross_entropy", "binary_cross_entropy_with_logits", "binary_focal",
                                 "binary_focal:gamma=0.5", "binary_focal:gamma=0", "asymmetric", "soft_margin"}) {
    SCOPED_TRACE(loss);
    const auto evaluate = [&](const std::vector<double>& given, std::vector<double> t, Scale scale) {
      if (loss == "soft_margin") {
        for (double& x : t) x = 2 * x - 1;
      }
      EvaluationOptions options = with_loss(loss);
      options.scale = scale;
      return evaluate_arrays(array_of(given, {5}), array_of(t, {5}), options);
    };
    for (const auto& e :
         {evaluate(probabilities, right, Scale::probabilities), evaluate(logits, right, Scale::logits)}) {
      const Evaluation last = evaluate({0.25, 0.25, 0.25, 0.25, 0.25}, {1, 1, 1, 1, 1}, Scale::probabilities);
      EXPECT_EQ(e.left_out.first, -1);
      EXPECT_NEAR(e.losses.mean, last.losses.mean / 5, 1e-15);
      EXPECT_EQ(e.losses.median, 0);
      EXPECT_EQ(e.classes->correct, 4);
      EXPECT_EQ(e.roc->area, 1);
    }
    // torch's binary_cross_entropy bounds logarithms by -100.
    const double most = loss == "binary_cross_entropy" ? 100 : inf;
    // asymmetric shifts the probability of a negative, which bounds its loss.
    const int infinite = most < inf ? 0 : loss == "asymmetric" ? 1 : 2;
    for (const auto& e :
         {evaluate(probabilities, wrong, Scale::probabilities), evaluate(logits, wrong, Scale::logits)}) {
      EXPECT_EQ(e.left_out.nan, 0);
      EXPECT_EQ(e.left_out.infinite, infinite);
      EXPECT_EQ(e.hardest[0].index, 0);
      EXPECT_EQ(e.hardest[0].loss, most);
      EXPECT_EQ(e.classes->correct, 2);
    }
  }
}

TEST(Evaluation, ProbabilitiesRankAsTheyAre) {
  // Closer to each other than their logits tell.
  const std::vector<double> p{0.3, std::nextafter(0.3, 1), 0.3, std::nextafter(0.3, 0)}, t{0, 1, 1, 0};
  EvaluationOptions options = with_loss("binary_cross_entropy");
  EXPECT_EQ(evaluate_arrays(array_of(p, {4}), array_of(t, {4}), options).roc->area, 3.5 / 4);
}

TEST(Evaluation, OfNumbersThatFloatsDoNotHold) {
  const std::vector<float> y{16777216, 16777216, 16777216};
  const std::vector<std::int64_t> whole{16777217, 16777216, 16777215};
  const std::vector<double> real{16777217, 16777216, 16777215};
  for (const Array& t : {array_of(whole, {3}), array_of(real, {3})}) {
    const Evaluation e = evaluate_arrays(array_of(y, {3}), t, with_loss("mse"));
    EXPECT_EQ(e.losses.mean, 2.0 / 3);
    EXPECT_EQ(e.regression->mse, 2.0 / 3);
    EXPECT_EQ(e.regression->r2, 0);
  }
}

TEST(Evaluation, ConstantTargetsHaveNoVarianceToExplain) {
  const std::vector<double> t(1000, 0.1), y(1000, 0.2);
  EXPECT_TRUE(std::isnan(evaluate_arrays(array_of(y, {1000}), array_of(t, {1000}), with_loss("mse")).regression->r2));
}

TEST(Evaluation, ErrorsThatAreNotFiniteAreLeftOutOfTheRegression) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> y{1, inf, 3, std::nan("")}, t{0, 0, 1, 1};
  const Evaluation e = evaluate_arrays(array_of(y, {4}), array_of(t, {4}), with_loss("mse"));
  EXPECT_EQ(e.left_out.residuals, 2);
  EXPECT_EQ(e.regression->samples, 2);
  EXPECT_EQ(e.regression->mse, 2.5);
  EXPECT_EQ(e.hardest[0].index, 3);
  EXPECT_EQ(e.hardest[1].index, 1);
  EXPECT_EQ(e.hardest[2].index, 2);
}

// More rows than one partition gets, so that what partitions gathered is merged.
constexpr std::int64_t many = 1'300'000;

TEST(Evaluation, OfManyNumbersIsItsDefinition) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  std::vector<double> y, t, residuals;
  for (std::int64_t i = 0; i < many; ++i) {
    t.push_back(5 + 2 * normal(random) + (i > many / 2));  // the halves differ, lest a partition stand for all
    y.push_back(t.back() + 0.3 + normal(random) - 2 * (i > many / 2));
    residuals.push_back(y.back() - t.back());
  }
  const RegressionScore score = score_regression(t, y);
  const Evaluation e = evaluate_arrays(array_of(y, {many}), array_of(t, {many}), with_loss("mse"));
  EXPECT_EQ(e.regression->samples, many);
  EXPECT_NEAR(e.regression->mse, score.mse, 1e-10);
  EXPECT_NEAR(e.regression->mae, score.mae, 1e-10);
  EXPECT_NEAR(e.regression->bias, score.bias, 1e-10);
  EXPECT_NEAR(e.regression->r2, score.r2, 1e-10);
  const Summary r = summarize(std::span<const double>(residuals));
  EXPECT_NEAR(e.residuals.median, r.median, std::abs(r.median) * QuantileSketch::relative_error);
  EXPECT_NEAR(e.residuals.standard_deviation, r.standard_deviation, 1e-10);
}

TEST(Evaluation, OfManyBinaryIsItsDefinition) {
  std::mt19937 random(12);
  std::normal_distribution<double> normal;
  std::vector<double> logits, labels;
  double brier = 0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < many; ++i) {
    labels.push_back(random() % (i > many / 2 ? 2 : 5) == 0);
    logits.push_back(normal(random) + (labels.back() == 1 ? 0.5 : -0.5) * (i > many / 2 ? 3 : 1));
    const double p = 1 / (1 + std::exp(-logits.back()));
    brier += (p - labels.back()) * (p - labels.back()) / static_cast<double>(many);
    correct += (logits.back() > 0) == (labels.back() == 1);
  }
  // The area by ranks (Mann and Whitney 1947); logits are all different.
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return logits[i]; });
  double negatives = 0, positives = 0, won = 0;
  for (std::size_t i : order) {
    if (labels[i] == 1)
      ++positives, won += negatives;
    else
      ++negatives;
  }
  const Evaluation e = evaluate_arrays(array_of(logits, {many}), array_of(labels, {many}),
                                       with_loss("binary_cross_entropy_with_logits"));
  EXPECT_NEAR(e.brier, brier, 1e-10);
  EXPECT_EQ(e.classes->correct, correct);
  EXPECT_EQ(e.roc->area, won / (positives * negatives));
  EXPECT_EQ(e.roc->error, 0);
}

}  // namespace
}  // namespace perdita::evaluate
