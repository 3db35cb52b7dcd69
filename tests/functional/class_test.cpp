// Losses over classes on tensors.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
constexpr double inf = std::numeric_limits<double>::infinity();

Tensor labels(std::initializer_list<int> values, const Shape& shape) {
  return Tensor::from(std::vector<std::int64_t>(values.begin(), values.end()), shape);
}

/// Cross-entropy from its definition, reduced: rows of logits [N, C] in double.
double expected(const std::vector<std::vector<double>>& rows, const std::vector<int>& targets,
                const std::vector<double>& w, double smoothing, int ignore, bool mean) {
  double total = 0, weights = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (targets[i] == ignore) continue;
    double largest = -inf, sum = 0;
    for (double z : rows[i]) largest = std::max(largest, z);
    for (double z : rows[i]) sum += std::exp(z - largest);
    const double log_total = largest + std::log(sum), classes = static_cast<double>(rows[i].size());
    const auto own = static_cast<std::size_t>(targets[i]);
    total += (1 - smoothing) * w[own] * (log_total - rows[i][own]);
    for (std::size_t k = 0; k < rows[i].size(); ++k) total += smoothing / classes * w[k] * (log_total - rows[i][k]);
    weights += w[own];
  }
  return mean ? total / weights : total;
}

TEST(CrossEntropy, WeightsIgnoredRowsAndSmoothingTogether) {
  const std::vector<std::vector<double>> rows{{1, 2, 0.5}, {-1, 0, 3}, {0.2, 0.1, 0.3}, {2, -2, 0}};
  const std::vector<int> targets{1, 0, 2, 1};
  const Tensor logits = Tensor::from({1.0, 2.0, 0.5, -1.0, 0.0, 3.0, 0.2, 0.1, 0.3, 2.0, -2.0, 0.0}, {4, 3});
  const Tensor t = labels({1, 0, 2, 1}, {4}), w = Tensor::from({0.5, 2.0, 1.5});
  for (double smoothing : {0.0, 0.1}) {
    for (int ignore : {-100, 0}) {
      for (Reduction reduction : {Reduction::mean, Reduction::sum}) {
        const ClassOptions options{
            .weight = w, .ignore_index = ignore, .label_smoothing = smoothing, .reduction = reduction};
        EXPECT_NEAR(F::cross_entropy(logits, t, options).item(),
                    expected(rows, targets, {0.5, 2, 1.5}, smoothing, ignore, reduction == Reduction::mean), 1e-14);
      }
    }
  }
}

TEST(CrossEntropy, OneHotProbabilitiesDivideByRowsAsPyTorch) {
  const Tensor logits = Tensor::randn({5, 4}, 3, 0, DType::float64), t = labels({0, 3, 2, 1, 1}, {5});
  const Tensor one_hot_target = one_hot(t, 4).to(DType::float64), w = Tensor::from({1.0, 2.0, 3.0, 4.0});
  const double weight_sum = 1 + 4 + 3 + 2 + 2;
  EXPECT_NEAR(F::cross_entropy(logits, one_hot_target).item(), F::cross_entropy(logits, t).item(), 1e-14);
  EXPECT_NEAR(F::cross_entropy(logits, one_hot_target, {.weight = w}).item() * 5,
              F::cross_entropy(logits, t, {.weight = w}).item() * weight_sum, 1e-13);
  EXPECT_NEAR(F::cross_entropy(logits, t, {.weight = w, .normalize_by = Normalize::batch}).item(),
              F::cross_entropy(logits, one_hot_target, {.weight = w}).item(), 1e-14);
}

TEST(CrossEntropy, ClassesAlongTheSecondDimension) {
  const Tensor logits = Tensor::randn({2, 3, 4, 5}, 9, 0, DType::float64);
  std::vector<std::int64_t> t(40);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::int64_t>(i * 7 % 3);
  const Tensor images = Tensor::from(t, {2, 4, 5});
  const Tensor rows = logits.permute({0, 2, 3, 1}).reshape({40, 3});
  EXPECT_NEAR(F::cross_entropy(logits, images).item(), F::cross_entropy(rows, images.reshape({40})).item(), 1e-14);
  const Tensor losses = F::cross_entropy(logits, images, {.reduction = Reduction::none});
  EXPECT_EQ(losses.shape(), Shape({2, 4, 5}));
  EXPECT_NEAR(mean(losses).item(), F::cross_entropy(logits, images).item(), 1e-14);
}

TEST(CrossEntropy, OneRowWithoutABatch) {
  const Tensor logits = Tensor::from({1.0, 2.0, 3.0});
  const double loss = std::log(std::exp(-2) + std::exp(-1) + 1);
  EXPECT_NEAR(F::cross_entropy(logits, labels({2}, {})).item(), loss, 1e-15);
  EXPECT_NEAR(F::cross_entropy(logits, labels({2}, {1}), {.reduction = Reduction::none}).item(), loss, 1e-15);
}

TEST(ClassLosses, GradientsAgreeWithDifferencesAndAreDifferentiable) {
  const Tensor logits = Tensor::randn({4, 3, 2}, 17, 0, DType::float64).set_requires_grad();
  const Tensor t = labels({0, 2, 1, 1, -100, 2, 0, 1}, {4, 2});
  const Tensor soft = softmax(Tensor::randn({4, 3, 2}, 18, 0, DType::float64), 1).detach();
  const Tensor w = Tensor::from({0.5, 2.0, 1.5});
  for (Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
    for (double smoothing : {0.0, 0.2}) {
      const ClassOptions options{.weight = w, .label_smoothing = smoothing, .reduction = reduction};
      using Call = std::function<Tensor(const Tensor&)>;
      for (const Call& call :
           {Call([&](const Tensor& z) { return F::cross_entropy(z, t, options); }),
            Call([&](const Tensor& z) { return F::focal_loss(z, t, {.gamma = 1.5}, options); }),
            Call([&](const Tensor& z) { return F::cross_entropy(z, soft, options); }),
            Call([&](const Tensor& z) { return F::focal_loss(z, soft, {.gamma = 2}, options); }),
            Call([&](const Tensor& z) { return F::nll_loss(z, t, {.weight = w, .reduction = reduction}); })}) {
        const auto f = [&](const std::vector<Tensor>& in) { return call(in[0]); };
        EXPECT_EQ(check_gradient(f, {logits}, {.second_order = true}), "") << "smoothing " << smoothing;
      }
    }
  }
}

TEST(ClassLosses, SoftTargetsAndWeightsHaveGradientsToo) {
  const Tensor logits = Tensor::randn({4, 3}, 17, 0, DType::float64).set_requires_grad();
  const Tensor soft = softmax(Tensor::randn({4, 3}, 18, 0, DType::float64), 1).detach().set_requires_grad();
  const Tensor w = Tensor::from({0.5, 2.0, 1.5}).set_requires_grad();
  const auto f = [](const std::vector<Tensor>& in) {
    return F::cross_entropy(in[0], in[1], {.weight = in[2], .label_smoothing = 0.1});
  };
  EXPECT_EQ(check_gradient(f, {logits, soft, w}), "");
}

TEST(ClassLosses, NllOfLogSoftmaxIsCrossEntropy) {
  const Tensor logits = Tensor::randn({6, 5}, 2, 0, DType::float64), t = labels({0, 4, 2, 1, 1, 3}, {6});
  const Tensor w = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0});
  for (Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const ClassOptions options{.weight = w, .ignore_index = 2, .reduction = reduction};
    EXPECT_NEAR(F::nll_loss(log_softmax(logits, 1), t, options).item(), F::cross_entropy(logits, t, options).item(),
                1e-13);
  }
  EXPECT_NEAR(F::focal_loss(logits, t, {.gamma = 0}).item(), F::cross_entropy(logits, t).item(), 1e-13);
}

// Few and many classes, blocks and chunks that end within rows, and more than is written past the caches.
TEST(ClassLosses, TheGradientOfNllIsZeroButAtTheClassOfEachRow) {
  for (const auto& [rows, classes] :
       {std::pair<std::int64_t, std::int64_t>{5, 1000}, {3001, 7}, {33, 50257}, {430000, 10}}) {
    const Tensor log_p = Tensor::zeros({rows, classes}, DType::float32).set_requires_grad();
    std::vector<std::int64_t> t(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < t.size(); ++i)
      t[i] = i % 11 == 3 ? -100 : static_cast<std::int64_t>(i * 7919) % classes;
    const Tensor loss = F::nll_loss(log_p, Tensor::from(t), {.reduction = Reduction::sum});
    const auto gradient = grad(loss, log_p).to_vector<float>();
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const auto row = i / static_cast<std::size_t>(classes), k = i % static_cast<std::size_t>(classes);
      wrong += gradient[i] != (t[row] == static_cast<std::int64_t>(k) ? -1.0F : 0.0F);
    }
    EXPECT_EQ(wrong, 0) << rows << " x " << classes;
  }
}

TEST(ClassLosses, NothingToCountGivesNaNWithZeroGradients) {
  const Tensor logits = Tensor::randn({2, 3}, 4).set_requires_grad();
  const auto gradient_is_zero = [&] { return logits.grad().to_vector<float>() == std::vector<float>(6, 0); };
  for (double smoothing : {0.0, 0.1}) {
    const Tensor all_ignored = F::cross_entropy(logits, labels({-100, -100}, {2}), {.label_smoothing = smoothing});
    EXPECT_TRUE(std::isnan(all_ignored.item()));
    all_ignored.backward();
    EXPECT_TRUE(gradient_is_zero());
  }
  const Tensor weightless = F::cross_entropy(logits, labels({0, 0}, {2}), {.weight = Tensor::from({0.0f, 1.0f, 1.0f})});
  EXPECT_TRUE(std::isnan(weightless.item()));
  weightless.backward();
  EXPECT_TRUE(gradient_is_zero());
  EXPECT_EQ(F::cross_entropy(logits, labels({-100, -100}, {2}), {.reduction = Reduction::sum}).item(), 0);
  EXPECT_TRUE(std::isnan(F::cross_entropy(Tensor::zeros({0, 3}), labels({}, {0})).item()));
}

// PyTorch: the loss is clean, the gradient row nan.
TEST(ClassLosses, NaNInAnIgnoredRowDoesNotLeak) {
  const Tensor logits = Tensor::from({std::nan(""), inf, 0.0, 1.0, 2.0, 3.0}, {2, 3}).set_requires_grad();
  const Tensor loss = F::cross_entropy(logits, labels({-100, 1}, {2}));
  EXPECT_TRUE(std::isfinite(loss.item()));
  const Tensor first = grad(loss, logits, {.create_graph = true});
  for (double g : first.to_vector<double>()) EXPECT_TRUE(std::isfinite(g));
  loss.backward();
  EXPECT_EQ(logits.grad().to_vector<double>()[0], 0);
  EXPECT_EQ(logits.grad().to_vector<double>()[1], 0);
}

TEST(ClassLosses, ExtrasTellMarginsAndHits) {
  const Tensor logits = Tensor::from({1.0, 3.0, 2.0, 0.5, 0.5, 0.0}, {2, 3});
  LossExtras rows;
  const Tensor loss = F::cross_entropy(logits, labels({2, 0}, {2}), {.extras = &rows});
  EXPECT_EQ(rows.margins.to_vector<double>(), (std::vector<double>{-1, 0}));
  EXPECT_EQ(rows.hits.to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{0, 1}));  // a tie goes to the first
  EXPECT_NEAR(mean(rows.losses).item(), loss.item(), 1e-15);
  EXPECT_NEAR(rows.numerator / rows.denominator, loss.item(), 1e-15);
  EXPECT_FALSE(rows.losses.requires_grad());
}

// The kernels and the recorded operators (here: for a gradient by the weight) tell the same.
TEST(ClassLosses, ExtrasAndDenominatorsOfAllPaths) {
  const Tensor logits = Tensor::randn({4, 3}, 7, 0, DType::float64);
  const Tensor t = labels({2, -100, 0, 2}, {4});
  const Tensor weight = Tensor::from({0.5, 2.0, 3.0});
  const Tensor shares = softmax(Tensor::randn({4, 3}, 8, 0, DType::float64), 1);
  double share_weight = 0;
  for (int row = 0; row < 4; ++row) {
    for (int c = 0; c < 3; ++c) share_weight += shares.to_vector<double>()[row * 3 + c] * weight.to_vector<double>()[c];
  }
  struct Expected {
    Normalize normalize;
    double of_labels, of_shares;
  };
  for (const auto& [normalize, of_labels, of_shares] :
       {Expected{Normalize::standard, 6.5, 4}, Expected{Normalize::count, 3, 4},
        Expected{Normalize::weight_sum, 6.5, share_weight}, Expected{Normalize::batch, 4, 4}}) {
    for (bool recorded : {false, true}) {
      const Tensor w = weight.clone();
      w.set_requires_grad(recorded);
      LossExtras labelled, shared;
      const double loss =
          F::cross_entropy(logits, t, {.weight = w, .normalize_by = normalize, .extras = &labelled}).item();
      EXPECT_DOUBLE_EQ(labelled.denominator, of_labels);
      EXPECT_NEAR(labelled.numerator / of_labels, loss, 1e-14);
      EXPECT_NEAR(sum(labelled.losses).item(), labelled.numerator, 1e-14);
      F::cross_entropy(logits, shares, {.weight = w, .normalize_by = normalize, .extras = &shared});
      EXPECT_NEAR(shared.denominator, of_shares, 1e-14);
    }
  }
}

TEST(ClassLosses, LabelsOfOtherIntegerTypes) {
  const Tensor logits = Tensor::randn({3, 4}, 2);
  const Tensor t = labels({1, 3, 0}, {3});
  const double loss = F::cross_entropy(logits, t).item();
  EXPECT_EQ(F::cross_entropy(logits, t.to(DType::int32)).item(), loss);
  EXPECT_EQ(F::cross_entropy(logits, t.to(DType::uint8)).item(), loss);
}

TEST(ClassLosses, ChosenAtRunTime) {
  const Tensor logits = Tensor::randn({3, 4}, 2), t = labels({1, 3, 0}, {3});
  EXPECT_EQ(F::call(parse_loss("cross_entropy:label_smoothing=0.1"), {logits, t}).item(),
            F::cross_entropy(logits, t, {.label_smoothing = 0.1}).item());
  EXPECT_EQ(F::call(parse_loss("focal:gamma=3"), {logits, t}, {.reduction = Reduction::sum}).item(),
            F::focal_loss(logits, t, {.gamma = 3}, {.reduction = Reduction::sum}).item());
  EXPECT_EQ(F::call(parse_loss("huber:delta=3"), {logits, logits * 2.0}).item(),
            F::huber_loss(logits, logits * 2.0, {.delta = 3}).item());
  EXPECT_THROW(F::call(parse_loss("gaussian_nll"), {logits, logits}), ValueError);
}

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ClassLosses, ErrorsSayWhatIsWrongAndWhatIsValid) {
  const Tensor logits = Tensor::zeros({2, 3});
  EXPECT_EQ(message([&] {
              F::cross_entropy(logits, labels({0, 5}, {2}));
            }),
            "cross_entropy: target[1] is 5, but input has 3 classes (valid: 0..2, or ignore_index -100)");
  EXPECT_EQ(message([&] {
              F::cross_entropy(logits, labels({0, 1, 2}, {3}));
            }),
            "cross_entropy: target has shape [3], but input has [2, 3] (valid: [2] with class indices, or [2, 3] with "
            "class probabilities)");
  EXPECT_EQ(message([&] { F::cross_entropy(logits, Tensor::zeros({2})); }),
            "cross_entropy: target of shape [2] holds float32 (valid: class indices as int64, int32 or uint8, or "
            "probabilities of the input's shape)");
  EXPECT_EQ(message([&] { F::cross_entropy(logits, logits, {.ignore_index = 0}); }),
            "cross_entropy: ignore_index is 0, but target holds class probabilities (valid: with class indices only)");
  EXPECT_EQ(message([&] {
              F::cross_entropy(logits, labels({0, 1}, {2}), {.label_smoothing = 1.5});
            }),
            "cross_entropy: label_smoothing is 1.5 (valid: 0..1)");
  EXPECT_EQ(message([&] {
              F::cross_entropy(logits, labels({0, 1}, {2}), {.weight = Tensor::ones({2})});
            }),
            "cross_entropy: weight has shape [2], but input has 3 classes (valid: [3])");
  EXPECT_EQ(message([&] {
              F::cross_entropy(Tensor::zeros({2, 0}), labels({0, 1}, {2}));
            }),
            "cross_entropy: input of shape [2, 0] has no classes (valid: 1 or more)");
  EXPECT_EQ(message([&] {
              F::focal_loss(logits, labels({0, 1}, {2}), {.gamma = -1});
            }),
            "focal: gamma is -1 (valid: 0 or more)");
}

}  // namespace
}  // namespace perdita
