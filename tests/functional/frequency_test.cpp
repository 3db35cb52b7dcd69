// Losses of class frequencies, against their definitions as loops.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/core/error.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

const std::vector<double> counts{6000, 600, 60, 6};

struct Data {
  Tensor logits = Tensor::randn({7, 4}, 5, 0, DType::float64);
  std::vector<std::int64_t> labels{0, 1, 2, 3, 3, 0, 2};
  Tensor target = Tensor::from(labels), class_counts = Tensor::from(counts);

  double logit(std::size_t row, std::size_t k) const { return logits.to_vector<double>()[row * 4 + k]; }
};

/// -log of weight(k) exp(z_k) / sum over j, z = changed(row, j, is the true class): the mean over the rows.
template <class Logit>
double mean_of(const Data& data, const Logit& changed) {
  double total = 0;
  for (std::size_t row = 0; row < data.labels.size(); ++row) {
    const auto own = static_cast<std::size_t>(data.labels[row]);
    double sum = 0;
    for (std::size_t j = 0; j < 4; ++j) sum += std::exp(changed(data.logit(row, j), j, j == own));
    total += std::log(sum) - changed(data.logit(row, own), own, true);
  }
  return total / static_cast<double>(data.labels.size());
}

TEST(BalancedSoftmax, WeighsExponentialsByCounts) {
  const Data data;
  const double expected = mean_of(data, [](double z, std::size_t j, bool) { return z + std::log(counts[j]); });
  EXPECT_NEAR(F::balanced_softmax_loss(data.logits, data.target, data.class_counts).item(), expected, 1e-13);
  const Tensor integers = Tensor::from(std::vector<std::int64_t>{6000, 600, 60, 6});
  EXPECT_NEAR(F::balanced_softmax_loss(data.logits, data.target, integers).item(), expected, 1e-13);
}

TEST(LogitAdjusted, AddsSharesAndTakesThemOutAfterTraining) {
  const Data data;
  for (double tau : {0.0, 0.5, 1.0, 2.0}) {
    const double expected =
        mean_of(data, [&](double z, std::size_t j, bool) { return z + tau * std::log(counts[j] / 6666); });
    EXPECT_NEAR(F::logit_adjusted_loss(data.logits, data.target, data.class_counts, {.tau = tau}).item(), expected,
                1e-13);
    const Tensor adjusted = F::adjust_logits(data.logits, data.class_counts, tau);
    EXPECT_NEAR(F::logit_adjusted_loss(adjusted, data.target, data.class_counts, {.tau = tau}).item(),
                F::cross_entropy(data.logits, data.target).item(), 1e-13);
  }
}

TEST(Ldam, TakesAMarginOffTheTrueClass) {
  const Data data;
  for (double scale : {1.0, 30.0}) {
    const double expected = mean_of(data, [&](double z, std::size_t j, bool own) {
      return scale * (z - (own ? 0.5 * std::pow(6 / counts[j], 0.25) : 0));
    });
    EXPECT_NEAR(F::ldam_loss(data.logits, data.target, data.class_counts, {.scale = scale}).item(), expected,
                1e-13 * expected);
  }
  EXPECT_NEAR(F::ldam_loss(data.logits, data.target, data.class_counts, {.max_margin = 0, .scale = 1}).item(),
              F::cross_entropy(data.logits, data.target).item(), 1e-14);
}

TEST(FrequencyLosses, HaveExactGradientsAndTakeWeightsAndIgnoredRows) {
  const Data data;
  const ClassOptions options{.weight = Tensor::from({0.5, 1.0, 2.0, 4.0}), .ignore_index = 2, .label_smoothing = 0.1};
  const Tensor logits = data.logits.clone();
  logits.set_requires_grad();
  const auto check = [&](auto&& function) {
    EXPECT_EQ(check_gradient([&](const auto& x) { return function(x[0], options); }, {logits}, {.second_order = true}),
              "");
  };
  check([&](const Tensor& z, const ClassOptions& o) {
    return F::balanced_softmax_loss(z, data.target, data.class_counts, o);
  });
  check([&](const Tensor& z, const ClassOptions& o) {
    return F::logit_adjusted_loss(z, data.target, data.class_counts, {.tau = 1.5}, o);
  });
  check([&](const Tensor& z, const ClassOptions& o) {
    return F::ldam_loss(z, data.target, data.class_counts, {.scale = 2}, o);
  });
}

TEST(FrequencyLosses, SkipIgnoredRowsAndKeepTheShapeOfPositions) {
  const Data data;
  const Tensor kept = index_rows(data.logits, Tensor::from(std::vector<std::int64_t>{0, 1, 3, 4, 5}));
  const Tensor kept_target = Tensor::from(std::vector<std::int64_t>{0, 1, 3, 3, 0});
  EXPECT_NEAR(F::ldam_loss(data.logits, data.target, data.class_counts, ClassOptions{.ignore_index = 2}).item(),
              F::ldam_loss(kept, kept_target, data.class_counts).item(), 1e-13);
  // [N, C, d] is N d rows.
  const Tensor images = data.logits.slice(0, 0, 6).reshape({2, 3, 4}).transpose(1, 2);
  const Tensor target = data.target.slice(0, 0, 6);
  const ClassOptions each{.reduction = Reduction::none};
  const Tensor losses = F::ldam_loss(images, target.reshape({2, 3}), data.class_counts, each);
  EXPECT_EQ(losses.shape(), (Shape{2, 3}));
  EXPECT_EQ(losses.reshape({6}).to_vector<double>(),
            F::ldam_loss(data.logits.slice(0, 0, 6), target, data.class_counts, each).to_vector<double>());
}

TEST(FrequencyLosses, KnowClassesWithoutSamples) {
  const Data data;
  const Tensor none_of_last = Tensor::from({6000.0, 600.0, 60.0, 0.0});
  const ClassOptions each{.reduction = Reduction::none};
  const auto losses = F::balanced_softmax_loss(data.logits, data.target, none_of_last, each).to_vector<double>();
  EXPECT_TRUE(std::isfinite(losses[0]));
  EXPECT_EQ(losses[3], std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isfinite(F::ldam_loss(data.logits, data.target, none_of_last).item()));
}

TEST(FrequencyLosses, RefuseWhatTheyCannotUse) {
  const Data data;
  EXPECT_THROW(F::balanced_softmax_loss(data.logits, data.target, Tensor::from({1.0, 2.0})), ShapeError);
  EXPECT_THROW(F::balanced_softmax_loss(data.logits, data.target, Tensor::from({1.0, 2.0, -1.0, 3.0})), ValueError);
  EXPECT_THROW(F::balanced_softmax_loss(data.logits, data.target, Tensor::zeros({4})), ValueError);
  EXPECT_THROW(F::balanced_softmax_loss(data.logits, data.target, Tensor()), ValueError);
  EXPECT_THROW(F::logit_adjusted_loss(data.logits, data.target, data.class_counts, {.tau = -1}), ValueError);
  EXPECT_THROW(F::ldam_loss(data.logits, softmax(data.logits, 1), data.class_counts), DTypeError);
  EXPECT_THROW(F::ldam_loss(data.logits, data.target + 1, data.class_counts), IndexError);
  EXPECT_THROW(F::call(parse_loss("balanced_softmax"), {data.logits, data.target}), ValueError);
}

TEST(FrequencyLosses, AreConvexInTheLogits) {
  const Data data;
  const Tensor other = Tensor::randn({7, 4}, 6, 0, DType::float64);
  for (const char* name : {"balanced_softmax", "logit_adjusted:tau=2", "ldam"}) {
    const auto f = [&](const Tensor& z) {
      return F::call(parse_loss(name), {z, data.target, data.class_counts}).item();
    };
    for (double a : {0.1, 0.5, 0.8}) {
      EXPECT_LE(f(data.logits * a + other * (1 - a)), a * f(data.logits) + (1 - a) * f(other)) << name;
    }
  }
}

}  // namespace
}  // namespace perdita
