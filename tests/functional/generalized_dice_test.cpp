// generalized_dice next to its definition, and to MONAI.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

/// Of the probabilities and targets [C, pixels] of an item.
double expected(const std::vector<std::vector<double>>& p, const std::vector<std::vector<double>>& t,
                const GeneralizedDice& loss) {
  std::vector<double> size, weights;
  for (const auto& of_class : t) {
    double total = 0;
    for (const double x : of_class) total += x;
    size.push_back(total);
  }
  double largest = 0;
  for (const double s : size) {
    weights.push_back(loss.weighting == VolumeWeighting::uniform  ? 1
                      : loss.weighting == VolumeWeighting::simple ? 1 / s
                                                                  : 1 / (s * s));
    if (s > 0) largest = std::max(largest, weights.back());
  }
  double hits = 0, all = 0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const double absent = loss.present_only ? 0 : largest > 0 ? largest : 1;
    const double w = size[c] > 0                                                        ? weights[c]
                     : loss.weighting == VolumeWeighting::uniform && !loss.present_only ? 1
                                                                                        : absent;
    for (std::size_t i = 0; i < p[c].size(); ++i) hits += w * p[c][i] * t[c][i], all += w * (p[c][i] + t[c][i]);
  }
  return 1 - (2 * hits + loss.smooth) / (all + loss.smooth);
}

std::vector<std::vector<double>> rows_of(const Tensor& matrix) {
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < matrix.size(0); ++i)
    rows.push_back(matrix.select(0, i).contiguous().to_vector<double>());
  return rows;
}

constexpr VolumeWeighting weightings[] = {VolumeWeighting::square, VolumeWeighting::simple, VolumeWeighting::uniform};

// Class 3 has no pixel, and pixels of class 7 are ignored.
TEST(GeneralizedDice, SoftmaxOfClassIndices) {
  const Tensor logits = Tensor::randn({2, 4, 6}, 4, 0, DType::float64);
  const Tensor labels = Tensor::from({0, 0, 1, 1, 2, 0, 1, 2, 0, 0, 0, 7}, {2, 6}).to(DType::int64);
  const Tensor used = (labels != 7.0).to(DType::boolean);
  const Tensor shown = select(used, labels, Tensor::zeros({2, 6}, DType::int64));
  const Tensor hot = one_hot(shown, 4).transpose(1, 2).to(DType::float64) * used.unsqueeze(1).to(DType::float64);
  const Tensor p = softmax(logits, 1) * used.unsqueeze(1).to(DType::float64);
  for (const VolumeWeighting weighting : weightings) {
    for (const bool present_only : {false, true}) {
      const GeneralizedDice loss{
          .weighting = weighting, .smooth = 0.25, .present_only = present_only, .ignore_index = 7};
      const Tensor found = F::generalized_dice_loss(logits, labels, loss, {.reduction = Reduction::none});
      ASSERT_EQ(found.shape(), Shape{2});
      for (std::int64_t i = 0; i < 2; ++i)
        EXPECT_NEAR(found.select(0, i).item(), expected(rows_of(p.select(0, i)), rows_of(hot.select(0, i)), loss),
                    1e-14);
      EXPECT_NEAR(F::generalized_dice_loss(logits, labels, loss).item(), mean(found).item(), 1e-15);
      const Tensor w = Tensor::from({2.0, 0.5});
      EXPECT_NEAR(F::generalized_dice_loss(logits, labels, loss, {.weight = w, .reduction = Reduction::sum}).item(),
                  sum(found * w).item(), 1e-14);
      GeneralizedDice together = loss;
      together.batch = true;
      const auto flat = [](const Tensor& x) { return rows_of(x.transpose(0, 1).reshape({4, 12})); };
      EXPECT_NEAR(F::generalized_dice_loss(logits, labels, together).item(), expected(flat(p), flat(hot), together),
                  1e-14);
    }
  }
}

// MONAI 1.6.1, GeneralizedDiceLoss()(p, t) = 0.2837139799 (float32), of probabilities p.
TEST(GeneralizedDice, AsMonai) {
  const Tensor p = Tensor::from({0.1, 0.2, 0.9, 0.8, 0.3, 0.4, 0.7, 0.9, 0.8, 0.6, 0.1, 0.7, 0.9, 0.8, 0.7, 0.6,
                                 0.9, 0.8, 0.1, 0.2, 0.7, 0.6, 0.3, 0.1, 0.2, 0.4, 0.9, 0.3, 0.1, 0.2, 0.3, 0.4},
                                {1, 2, 16});
  const Tensor t = Tensor::from({0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0,
                                 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0},
                                {1, 2, 16});
  const Tensor logits = log(p / (1.0 - p));
  EXPECT_NEAR(F::generalized_dice_loss(logits, t, {.multilabel = true}).item(), 0.2837139798593, 1e-12);
}

TEST(GeneralizedDice, GradientsAgreeWithDifferences) {
  const Tensor logits = Tensor::randn({2, 3, 4}, 4, 0, DType::float64).set_requires_grad();
  const Tensor labels = Tensor::from({0, 0, 1, 1, 2, 0, 1, 2}, {2, 4}).to(DType::int64);
  const Tensor soft = sigmoid(Tensor::randn({2, 3, 4}, 5, 0, DType::float64)).detach();
  for (const VolumeWeighting weighting : weightings) {
    for (const Reduction reduction : {Reduction::none, Reduction::mean}) {
      const LossOptions options{.reduction = reduction};
      const auto by_softmax = [&](const std::vector<Tensor>& in) {
        return F::generalized_dice_loss(in[0], labels, {.weighting = weighting}, options);
      };
      EXPECT_EQ(check_gradient(by_softmax, {logits}, {.second_order = true}), "");
      const auto by_sigmoid = [&](const std::vector<Tensor>& in) {
        return F::generalized_dice_loss(in[0], soft, {.weighting = weighting, .multilabel = true}, options);
      };
      EXPECT_EQ(check_gradient(by_sigmoid, {logits}, {.second_order = true}), "");
    }
  }
}

// One mask per item is one class: dice with the weight 1 / T^2, which matters only next to `smooth`.
TEST(GeneralizedDice, OfOneMaskIsDice) {
  const Tensor logits = Tensor::randn({2, 5}, 4, 0, DType::float64);
  const Tensor t = Tensor::from({1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0}, {2, 5});
  EXPECT_NEAR(F::generalized_dice_loss(logits, t, {.smooth = 0}).item(), F::dice_loss(logits, t, {.smooth = 0}).item(),
              1e-14);
}

TEST(GeneralizedDice, WithoutPixels) {
  const Tensor logits = Tensor::full({1, 2, 3}, -1e4, DType::float64), t = Tensor::zeros({1, 2, 3}, DType::float64);
  EXPECT_EQ(F::generalized_dice_loss(logits, t, {.smooth = 0, .multilabel = true}).item(), 0);
  EXPECT_EQ(F::generalized_dice_loss(logits, t, {.smooth = 0, .multilabel = true, .present_only = true}).item(), 0);
  EXPECT_NEAR(F::generalized_dice_loss(logits + 1e4, t, {.smooth = 1, .multilabel = true}).item(), 0.75, 1e-14);
}

}  // namespace
}  // namespace perdita
