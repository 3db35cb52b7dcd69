// Losses of classes over spans: small numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "perdita/losses/span.hpp"

namespace perdita {
namespace {

using Row = std::vector<double>;
using In = std::span<const double>;
using Out = std::span<double>;
using Labels = std::span<const std::int64_t>;

constexpr double infinity = std::numeric_limits<double>::infinity();

const Row logits{1, 2, 3, 0, 0, 0};
const std::vector<std::int64_t> labels{2, 0};

TEST(ClassSpan, CrossEntropyOfLabels) {
  Row gradient(6);
  const double first = std::log1p(std::exp(-1) + std::exp(-2));  // 0.4076
  EXPECT_NEAR(value_and_gradient(CrossEntropy{}, In(logits), Labels(labels), Out(gradient)), (first + std::log(3)) / 2,
              1e-15);
  EXPECT_NEAR(gradient[2], (std::exp(-first) - 1) / 2, 1e-15);
  EXPECT_NEAR(gradient[3], (1.0 / 3 - 1) / 2, 1e-15);
  EXPECT_NEAR(gradient[4], 1.0 / 6, 1e-15);
}

TEST(ClassSpan, TargetsMayBeDistributions) {
  Row by_labels(6), by_targets(6);
  const Row targets{0, 0, 1, 1, 0, 0};
  const double expected = value_and_gradient(Focal{}, In(logits), Labels(labels), Out(by_labels), Reduction::sum);
  EXPECT_NEAR(value_and_gradient(Focal{}, In(logits), 3, In(targets), Out(by_targets), Reduction::sum), expected,
              1e-14);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(by_targets[i], by_labels[i], 1e-14) << i;
}

TEST(ClassSpan, CrossEntropyOfDistributions) {
  Row gradient(6);
  const Row targets{0.5, 0.25, 0.25, 0.2, 0.3, 0.5};
  const double total = std::exp(1) + std::exp(2) + std::exp(3);  // of the first row; the second row's logits are 0
  EXPECT_NEAR(value_and_gradient(CrossEntropy{}, In(logits), 3, In(targets), Out(gradient)),
              (std::log(total) - 1.75 + std::log(3)) / 2, 1e-15);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(gradient[i], (std::exp(logits[i]) / total - targets[i]) / 2, 1e-15) << i;
    EXPECT_NEAR(gradient[3 + i], (1.0 / 3 - targets[3 + i]) / 2, 1e-15) << i;
  }
}

TEST(ClassSpan, NllTakesLogProbabilities) {
  const Row log_p{-0.5, -infinity, -1, -2, -3, -infinity};
  Row gradient(6);
  EXPECT_EQ(value_and_gradient(Nll{}, In(log_p), Labels(labels), Out(gradient), Reduction::sum), 3);
  EXPECT_EQ(gradient, (Row{0, 0, -1, -1, 0, 0}));
}

TEST(ClassSpan, SaysWhatIsWrong) {
  Row gradient(6), same = logits;
  const std::vector<std::int64_t> wrong{2, 3}, four{0, 0, 0, 0};
  EXPECT_THROW(value_and_gradient(CrossEntropy{}, In(logits), Labels(wrong), Out(gradient)), IndexError);
  EXPECT_THROW(value_and_gradient(CrossEntropy{}, In(logits), Labels(four), Out(gradient)), ShapeError);
  EXPECT_THROW(value_and_gradient(CrossEntropy{}, In(logits), 4, In(logits), Out(gradient)), ShapeError);
  EXPECT_THROW(value_and_gradient(CrossEntropy{}, In(logits), Labels(labels), Out(gradient).first(5)), ShapeError);
  EXPECT_THROW(value_and_gradient(CrossEntropy{}, In(same), Labels(labels), Out(same)), ValueError);
  EXPECT_THROW(value_and_gradient(Focal{.gamma = -1}, In(logits), Labels(labels), Out(gradient)), ValueError);
}

}  // namespace
}  // namespace perdita
