// The softmax driver against sums written out in double, for every layout, kind of target and option.
#include "perdita/kernels/softmax.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "perdita/kernels/labels.hpp"
#include "perdita/kernels/nll.hpp"

namespace perdita::kernels {
namespace {

struct PlainCrossEntropy {
  auto operator()(auto log_p, auto t) const { return select(t == 0.0, 0.0, -t * log_p); }
};
struct SquaredMiss {  // another member of the family, whose derivative is not constant
  auto operator()(auto log_p, auto t) const { return t * square(exp(log_p) - 1.0); }
};

template <class T>
struct Problem {
  ClassLayout layout;
  std::vector<T> logits, probabilities, weights;
  std::vector<std::int64_t> labels;

  Problem(ClassLayout layout_, unsigned seed) : layout(layout_) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, 3);
    const auto size = static_cast<std::size_t>(layout.rows() * layout.classes);
    for (std::size_t i = 0; i < size; ++i) logits.push_back(static_cast<T>(normal(random)));
    for (std::size_t i = 0; i < size; ++i) probabilities.push_back(static_cast<T>(std::abs(normal(random)) / 4));
    for (std::int64_t k = 0; k < layout.classes; ++k) weights.push_back(static_cast<T>(0.1 + std::abs(normal(random))));
    for (std::int64_t i = 0; i < layout.rows(); ++i) {  // ignored rows stand alone, side by side, and at the beginning
      const bool ignored = i % 5 == 0 || i % 7 == 1;
      labels.push_back(ignored ? -100 : static_cast<std::int64_t>(random()) % layout.classes);
    }
  }
  std::size_t at(std::int64_t row, std::int64_t k) const {
    const std::int64_t outer = row / layout.inner, inner = row % layout.inner;
    return static_cast<std::size_t>((outer * layout.classes + k) * layout.inner + inner);
  }
};

struct Options {
  bool probabilities = false;
  bool weighted = false;
  double smoothing = 0;
};

template <class T>
struct Outputs {
  double sum;
  std::vector<T> losses, gradient, margins;
  std::vector<std::uint8_t> hits;
  std::vector<std::int32_t> predicted;
  std::vector<T> confidences;
};

template <class T, class Formula>
Outputs<T> evaluate(const Formula& formula, const Problem<T>& problem, const Options& options) {
  const auto rows = static_cast<std::size_t>(problem.layout.rows());
  Outputs<T> out{0,
                 std::vector<T>(rows),
                 std::vector<T>(problem.logits.size()),
                 std::vector<T>(rows),
                 std::vector<std::uint8_t>(rows),
                 std::vector<std::int32_t>(rows, -7),
                 std::vector<T>(rows)};
  SoftmaxTask<T> task{.logits = problem.logits.data(),
                      .layout = problem.layout,
                      .label_smoothing = options.smoothing,
                      .gradient = out.gradient.data(),
                      .scale = 0.7,
                      .losses = out.losses.data(),
                      .predicted = out.predicted.data(),
                      .confidences = out.confidences.data()};
  if (options.weighted) task.class_weights = problem.weights.data();
  const Labels labels = read_labels("test", DType::int64, problem.labels.data(), problem.layout.rows(),
                                    problem.layout.classes, -100, task.class_weights);
  if (options.probabilities) {
    task.probabilities = problem.probabilities.data();
  } else {
    task.labels = labels.data();
    task.margins = out.margins.data();
    task.hits = out.hits.data();
  }
  out.sum = softmax_loss(formula, task);
  return out;
}

/// The same from its definition, in double; f and its slope are given in double too.
template <class T>
void expect_definition(const Problem<T>& problem, const Options& options, const Outputs<T>& out,
                       double (*f)(double, double), double (*slope)(double, double)) {
  const double epsilon = std::numeric_limits<T>::epsilon();
  const std::int64_t classes = problem.layout.classes;
  double sum = 0, magnitude = 0;
  for (std::int64_t row = 0; row < problem.layout.rows(); ++row) {
    const std::int64_t label = problem.labels[static_cast<std::size_t>(row)];
    const bool ignored = !options.probabilities && label < 0;
    double largest = -1e300, total = 0, loss = 0, slopes = 0, other = -1e300;
    std::int64_t first = 0;
    for (std::int64_t k = 0; k < classes; ++k) {
      const double z = static_cast<double>(problem.logits[problem.at(row, k)]);
      if (z > largest) largest = z, first = k;
    }
    EXPECT_EQ(out.predicted[static_cast<std::size_t>(row)], first) << "row " << row;
    for (std::int64_t k = 0; k < classes; ++k)
      total += std::exp(static_cast<double>(problem.logits[problem.at(row, k)]) - largest);
    if (!ignored) {
      EXPECT_NEAR(out.confidences[static_cast<std::size_t>(row)], 1 / total, 8 * epsilon) << "row " << row;
    }
    std::vector<double> d(static_cast<std::size_t>(classes)), p(d);
    for (std::int64_t k = 0; k < classes; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const double z = static_cast<double>(problem.logits[problem.at(row, k)]);
      if (k != label) other = std::max(other, z);
      const double log_p = z - largest - std::log(total);
      double t = options.probabilities ? static_cast<double>(problem.probabilities[problem.at(row, k)]) : k == label;
      t = (1 - options.smoothing) * t + options.smoothing / static_cast<double>(classes);
      const double w = options.weighted ? static_cast<double>(problem.weights[i]) : 1;
      loss += w * f(log_p, t);
      d[i] = w * slope(log_p, t);
      slopes += d[i];
      p[i] = std::exp(log_p);
    }
    if (ignored) loss = 0;
    sum += loss;
    magnitude += 1 + std::abs(loss);
    EXPECT_NEAR(out.losses[static_cast<std::size_t>(row)], loss, 20 * epsilon * (1 + std::abs(loss))) << "row " << row;
    for (std::int64_t k = 0; k < classes; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const double gradient = ignored ? 0 : 0.7 * (d[i] - p[i] * slopes);
      EXPECT_NEAR(out.gradient[problem.at(row, k)], gradient, 40 * epsilon * (1 + std::abs(slopes) + std::abs(d[i])))
          << "row " << row << ", class " << k;
    }
    if (!options.probabilities && !ignored && classes > 1) {
      const double own = static_cast<double>(problem.logits[problem.at(row, label)]);
      EXPECT_NEAR(out.margins[static_cast<std::size_t>(row)], own - other, 20 * epsilon * (1 + std::abs(own - other)));
      EXPECT_EQ(out.hits[static_cast<std::size_t>(row)], own > other ? 1 : 0);
    }
  }
  EXPECT_NEAR(out.sum, sum, 20 * epsilon * magnitude);
}

const ClassLayout layouts[] = {{37, 10, 1}, {5, 3, 1}, {33, 20, 1}, {7, 128, 1},  {9, 1000, 1}, {3, 129, 1},
                               {2, 531, 1}, {4, 5, 3}, {3, 21, 37}, {2, 200, 20}, {5, 1, 1},    {1, 40, 1}};

template <class T>
void check_all() {
  unsigned seed = 40;
  for (const ClassLayout& layout : layouts) {
    const Problem<T> problem(layout, ++seed);
    for (const Options& options :
         {Options{}, Options{.weighted = true}, Options{.weighted = true, .smoothing = 0.1},
          Options{.probabilities = true}, Options{.probabilities = true, .weighted = true, .smoothing = 0.2}}) {
      SCOPED_TRACE(fmt::format("[{}, {}, {}] probabilities {} weighted {} smoothing {} seed {}", layout.outer,
                               layout.classes, layout.inner, options.probabilities, options.weighted, options.smoothing,
                               seed));
      expect_definition<T>(
          problem, options, evaluate(PlainCrossEntropy{}, problem, options),
          [](double log_p, double t) { return -t * log_p; }, [](double, double t) { return -t; });
      if (options.smoothing > 0) continue;
      expect_definition<T>(
          problem, options, evaluate(SquaredMiss{}, problem, options),
          [](double log_p, double t) { return t * std::pow(std::exp(log_p) - 1, 2); },
          [](double log_p, double t) { return 2 * t * (std::exp(log_p) - 1) * std::exp(log_p); });
    }
  }
}
TEST(Softmax, EqualsItsDefinitionInFloat) { check_all<float>(); }
TEST(Softmax, EqualsItsDefinitionInDouble) { check_all<double>(); }

TEST(Softmax, ConfidentRowsKeepTheirDigits) {
  for (std::int64_t classes : {10, 300}) {
    std::vector<float> logits(static_cast<std::size_t>(classes), -20), gradient(logits), losses(1);
    logits[3] = 0;
    const std::int32_t label = 3;
    softmax_loss(PlainCrossEntropy{}, SoftmaxTask<float>{.logits = logits.data(),
                                                         .layout = {1, classes, 1},
                                                         .labels = &label,
                                                         .gradient = gradient.data(),
                                                         .losses = losses.data()});
    const double others = static_cast<double>(classes - 1) * std::exp(-20.0);
    EXPECT_NEAR(losses[0] / std::log1p(others), 1, 1e-6);  // 1.9e-8 and 6e-7: below float's epsilon beside 1
    EXPECT_NEAR(gradient[3] / (-others / (1 + others)), 1, 1e-6);
  }
}

TEST(Softmax, EdgesOfLogits) {
  const float inf = std::numeric_limits<float>::infinity();
  for (std::int64_t classes : {5, 200}) {
    const auto run_with = [&](float at_0, float at_1, std::int32_t label, std::vector<float>& gradient) {
      std::vector<float> logits(static_cast<std::size_t>(classes), 1);
      logits[0] = at_0;
      logits[1] = at_1;
      gradient.assign(logits.size(), 7);
      return softmax_loss(
          PlainCrossEntropy{},
          SoftmaxTask<float>{
              .logits = logits.data(), .layout = {1, classes, 1}, .labels = &label, .gradient = gradient.data()});
    };
    std::vector<float> gradient;
    EXPECT_NEAR(run_with(1e4f, 1, 0, gradient), 0, 1e-30);
    EXPECT_NEAR(run_with(1e4f, 1, 1, gradient), 9999, 1e-3);
    EXPECT_EQ(run_with(-inf, 1, 0, gradient), std::numeric_limits<double>::infinity());
    EXPECT_EQ(gradient[0], -1);  // finite, as PyTorch's
    EXPECT_TRUE(std::isfinite(run_with(-inf, 1, 1, gradient)));
    EXPECT_EQ(gradient[0], 0);
    EXPECT_TRUE(std::isnan(run_with(inf, 1, 1, gradient)));
    for (float low : {-87.0f, -104.0f, -1e30f}) {  // below the normal numbers beside exp(1)
      run_with(low, 1, 1, gradient);
      EXPECT_EQ(gradient[0], 0) << low;
    }
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(run_with(nan, 1, -1, gradient), 0);  // an ignored row: nothing leaks
    for (float g : gradient) EXPECT_EQ(g, 0);
  }
}

TEST(Softmax, ImpossibleTargetsOfZeroProbabilityAddNothing) {
  const float inf = std::numeric_limits<float>::infinity();
  for (std::int64_t classes : {4, 150}) {
    std::vector<float> logits(static_cast<std::size_t>(classes), 0), targets(logits), gradient(logits);
    logits[2] = -inf;
    targets[1] = 1;
    const double loss = softmax_loss(PlainCrossEntropy{}, SoftmaxTask<float>{.logits = logits.data(),
                                                                             .layout = {1, classes, 1},
                                                                             .probabilities = targets.data(),
                                                                             .gradient = gradient.data()});
    EXPECT_NEAR(loss, std::log(static_cast<double>(classes - 1)), 1e-5);
    for (float g : gradient) EXPECT_TRUE(std::isfinite(g));
  }
}

TEST(Softmax, SameBitsForAnyNumberOfThreadsAndInPlace) {
  for (const ClassLayout& layout : {ClassLayout{5000, 10, 1}, ClassLayout{300, 700, 1}, ClassLayout{6, 21, 999}}) {
    Problem<float> problem(layout, 3);
    set_num_threads(1);
    const auto one = evaluate(PlainCrossEntropy{}, problem, {.weighted = true});
    set_num_threads(3);
    const auto three = evaluate(PlainCrossEntropy{}, problem, {.weighted = true});
    set_num_threads(1);
    EXPECT_EQ(one.sum, three.sum);
    EXPECT_EQ(std::memcmp(one.gradient.data(), three.gradient.data(), one.gradient.size() * sizeof(float)), 0);
    const Labels labels = read_labels("test", DType::int64, problem.labels.data(), layout.rows(), layout.classes, -100,
                                      problem.weights.data());
    softmax_loss(PlainCrossEntropy{}, SoftmaxTask<float>{.logits = problem.logits.data(),
                                                         .layout = layout,
                                                         .labels = labels.data(),
                                                         .class_weights = problem.weights.data(),
                                                         .gradient = problem.logits.data(),
                                                         .scale = 0.7});
    EXPECT_EQ(std::memcmp(one.gradient.data(), problem.logits.data(), one.gradient.size() * sizeof(float)), 0);
  }
}

// A gradient above the streaming threshold, its rows not aligned to anything.
TEST(Softmax, StreamedRowsEqualCachedOnes) {
  const ClassLayout layout{4001, 1111, 1};
  const Problem<float> problem(layout, 8);
  const auto all = evaluate(PlainCrossEntropy{}, problem, {});
  Problem<float> head(ClassLayout{10, 1111, 1}, 8);
  std::copy_n(problem.logits.begin(), head.logits.size(), head.logits.begin());
  std::copy_n(problem.labels.begin(), head.labels.size(), head.labels.begin());
  const auto few = evaluate(PlainCrossEntropy{}, head, {});
  EXPECT_EQ(std::memcmp(all.gradient.data(), few.gradient.data(), few.gradient.size() * sizeof(float)), 0);
}

TEST(Labels, TheFirstBadOneIsNamed) {
  std::vector<std::int32_t> labels(200000, 3);
  labels[150000] = 12;
  labels[17] = 11;
  try {
    read_labels<float>("cross_entropy", DType::int32, labels.data(), 200000, 10, -100, nullptr);
    FAIL() << "expected IndexError";
  } catch (const IndexError& error) {
    EXPECT_STREQ(error.what(),
                 "cross_entropy: target[17] is 11, but input has 10 classes (valid: 0..9, or ignore_index -100)");
  }
  EXPECT_THROW(read_labels<float>("x", DType::float32, labels.data(), 1, 10, -100, nullptr), DTypeError);
}

TEST(Labels, WeightsAndCountsLeaveOutIgnoredRows) {
  const std::vector<std::uint8_t> labels{0, 255, 1, 1};
  const std::vector<double> weights{0.5, 2};
  const Labels read = read_labels("x", DType::uint8, labels.data(), 4, 2, 255, weights.data());
  EXPECT_EQ(read.used, 3);
  EXPECT_EQ(read.weight_sum, 4.5);
}

TEST(Nll, PicksAndWeighs) {
  const std::vector<double> x{-1, -2, -3, -4, -5, -6}, weights{1, 10, 100};
  const std::int32_t labels[] = {2, -1};
  std::vector<double> gradient(6, 9), losses(2);
  EXPECT_EQ(nll_loss(SoftmaxTask<double>{.logits = x.data(),
                                         .layout = {2, 3, 1},
                                         .labels = labels,
                                         .class_weights = weights.data(),
                                         .gradient = gradient.data(),
                                         .scale = 0.5,
                                         .losses = losses.data()}),
            300);
  EXPECT_EQ(gradient, (std::vector<double>{0, 0, -50, 0, 0, 0}));
  EXPECT_EQ(losses, (std::vector<double>{300, 0}));
}

}  // namespace
}  // namespace perdita::kernels
