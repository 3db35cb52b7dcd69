// Losses that compare scores or vectors, against their definitions written as loops in double, PyTorch's values at the
// edges, and differences.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
constexpr double inf = std::numeric_limits<double>::infinity();
using Row = std::vector<double>;

Tensor drawn(const Shape& shape, std::uint64_t seed) { return Tensor::randn(shape, seed, 0, DType::float64); }
Tensor integers(std::vector<std::int64_t> values, const Shape& shape) { return Tensor::from(values, shape); }
LossOptions each() { return {.reduction = Reduction::none}; }

void expect_near(const Tensor& losses, const Row& expected) {
  ASSERT_EQ(losses.numel(), std::ssize(expected));
  const Row found = losses.to_vector<double>();
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

TEST(MarginRanking, IsItsDefinition) {
  const Tensor a = drawn({4, 3}, 1), b = drawn({4, 3}, 2);
  const Tensor t = select(drawn({4, 3}, 3) > 0.0, 1.0, Tensor::full({4, 3}, -1, DType::float64));
  const Row x = a.to_vector<double>(), y = b.to_vector<double>(), sign = t.to_vector<double>();
  Row expected;
  for (std::size_t i = 0; i < x.size(); ++i) expected.push_back(std::max(0.0, -sign[i] * (x[i] - y[i]) + 0.3));
  expect_near(F::margin_ranking_loss(a, b, t, {.margin = 0.3}, each()), expected);
}

TEST(MarginRanking, NoGradientPassesAtTheKinkAsInPyTorch) {
  const Tensor a = Tensor::from(Row{1}), b = Tensor::from(Row{1}), t = Tensor::from(Row{1});
  a.set_requires_grad();
  F::margin_ranking_loss(a, b, t).backward();
  EXPECT_EQ(a.grad().item(), 0);
}

Row multi_margin(const Row& x, const std::vector<std::int64_t>& labels, std::size_t classes, double p, double margin,
                 const Row& weight) {
  Row losses;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto own = static_cast<std::size_t>(labels[n]);
    double loss = 0;
    for (std::size_t i = 0; i < classes; ++i) {
      if (i != own) loss += std::pow(std::max(0.0, margin - x[n * classes + own] + x[n * classes + i]), p);
    }
    losses.push_back(weight[own] * loss / static_cast<double>(classes));
  }
  return losses;
}

TEST(MultiMargin, IsItsDefinition) {
  const Tensor x = drawn({5, 4}, 4), weight = Tensor::from(Row{0.5, 2, 1, 3});
  const std::vector<std::int64_t> labels{0, 3, 1, 1, 2};
  for (double p : {1.0, 2.0}) {
    const Row expected = multi_margin(x.to_vector<double>(), labels, 4, p, 0.7, {0.5, 2, 1, 3});
    LossOptions options = each();
    options.weight = weight;
    const Tensor losses = F::multi_margin_loss(x, integers(labels, {5}), {.p = p, .margin = 0.7}, options);
    expect_near(losses, expected);
    options.reduction = Reduction::mean;  // divides by rows and not by weights
    EXPECT_NEAR(F::multi_margin_loss(x, integers(labels, {5}), {.p = p, .margin = 0.7}, options).item(),
                sum(losses).item() / 5, 1e-12);
    options.normalize_by = Normalize::weight_sum;
    EXPECT_NEAR(F::multi_margin_loss(x, integers(labels, {5}), {.p = p, .margin = 0.7}, options).item(),
                sum(losses).item() / (0.5 + 3 + 2 + 2 + 1), 1e-12);
  }
}

TEST(MultiMargin, ShapesOfASingleRow) {
  const Tensor x = drawn({4}, 5);
  EXPECT_EQ(F::multi_margin_loss(x, integers({2}, {}), {}, each()).shape(), Shape({}));
  EXPECT_EQ(F::multi_margin_loss(x, integers({2}, {1}), {}, each()).shape(), Shape({1}));
}

TEST(MultiMargin, TheOwnClassIsLeftOutEvenIfItIsInfinite) {
  const Tensor x = Tensor::from(Row{inf, 0, -inf}, {1, 3});
  EXPECT_EQ(F::multi_margin_loss(x, integers({0}, {1})).item(), 0);
}

TEST(MultilabelMargin, ListsEndAtTheFirstMinusOneAndMayRepeat) {
  // PyTorch's documentation: 0.85
  const Tensor x = Tensor::from(Row{0.1, 0.2, 0.4, 0.8}, {1, 4});
  EXPECT_NEAR(F::multilabel_margin_loss(x, integers({3, 0, -1, 1}, {1, 4})).item(), 0.85, 1e-12);
  const double once = F::multilabel_margin_loss(x, integers({3, -1, 0, 0}, {1, 4})).item();
  EXPECT_NEAR(F::multilabel_margin_loss(x, integers({3, 3, -1, 0}, {1, 4})).item(), 2 * once, 1e-12);
  EXPECT_EQ(F::multilabel_margin_loss(x, integers({-1, 0, 0, 0}, {1, 4})).item(), 0);
  EXPECT_EQ(F::multilabel_margin_loss(x, integers({0, 1, 2, 3}, {1, 4})).item(), 0);
}

TEST(MultilabelMargin, IsItsDefinition) {
  const Tensor x = drawn({3, 5}, 6);
  const std::vector<std::int64_t> target{4, 1, -1, 9, 9, -1, 0, 0, 0, 0, 2, 2, 0, 3, -1};
  const Row scores = x.to_vector<double>();
  Row expected;
  for (std::size_t n = 0; n < 3; ++n) {
    std::vector<std::size_t> listed;
    for (std::size_t j = 0; j < 5 && target[n * 5 + j] >= 0; ++j)
      listed.push_back(static_cast<std::size_t>(target[n * 5 + j]));
    double loss = 0;
    for (std::size_t j : listed) {
      for (std::size_t i = 0; i < 5; ++i) {
        if (std::find(listed.begin(), listed.end(), i) == listed.end())
          loss += std::max(0.0, 1 - scores[n * 5 + j] + scores[n * 5 + i]);
      }
    }
    expected.push_back(loss / 5);
  }
  expect_near(F::multilabel_margin_loss(x, integers(target, {3, 5}), {}, each()), expected);
}

TEST(MultilabelSoftMargin, AveragesBinaryCrossEntropiesOverTheLastDimension) {
  const Tensor x = drawn({2, 3, 4}, 7), t = (drawn({2, 3, 4}, 8) > 0.0).to(DType::float64);
  const Tensor weight = Tensor::from(Row{1, 2, 0.5, 0});
  const Row y = x.to_vector<double>(), label = t.to_vector<double>(), w = weight.to_vector<double>();
  Row expected(6);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double p = 1 / (1 + std::exp(-y[i]));
    expected[i / 4] -= w[i % 4] * (label[i] * std::log(p) + (1 - label[i]) * std::log(1 - p)) / 4;
  }
  LossOptions options = each();
  options.weight = weight;
  const Tensor losses = F::multilabel_soft_margin_loss(x, t, {}, options);
  EXPECT_EQ(losses.shape(), Shape({2, 3}));
  expect_near(losses, expected);
  const Tensor far = Tensor::from(Row{1000, -1000}, {1, 2});
  EXPECT_EQ(F::multilabel_soft_margin_loss(far, Tensor::from(Row{0, 1}, {1, 2})).item(), 1000);
}

TEST(CosineEmbedding, IsItsDefinition) {
  const Tensor a = drawn({4, 6}, 9), b = drawn({4, 6}, 10);
  const Row x = a.to_vector<double>(), y = b.to_vector<double>(), t{1, -1, -1, 0};
  Row expected;
  for (std::size_t n = 0; n < 4; ++n) {
    double dot = 0, xx = 1e-12, yy = 1e-12;
    for (std::size_t i = 6 * n; i < 6 * n + 6; ++i) dot += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
    const double cosine = dot / std::sqrt(xx * yy);
    expected.push_back(t[n] == 1 ? 1 - cosine : t[n] == -1 ? std::max(0.0, cosine + 0.2) : 0);
  }
  expect_near(F::cosine_embedding_loss(a, b, Tensor::from(t), {.margin = -0.2}, each()), expected);
}

TEST(CosineEmbedding, ZeroVectorsHaveAFiniteGradient) {
  const Tensor a = Tensor::zeros({3}, DType::float64), b = Tensor::ones({3}, DType::float64);
  a.set_requires_grad();
  const Tensor loss = F::cosine_embedding_loss(a, b, Tensor::ones({}, DType::float64));
  EXPECT_EQ(loss.item(), 1);
  loss.backward();
  for (double slope : a.grad().to_vector<double>()) EXPECT_NEAR(slope, -1e6 / std::sqrt(3.0), 1);
}

double distance(const Row& a, const Row& b, double p, double eps) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i] + eps);
    if (std::isinf(p))
      total = std::max(total, d);
    else
      total += p == 0 ? d != 0 : std::pow(d, p);
  }
  return p == 0 || std::isinf(p) ? total : std::pow(total, 1 / p);
}

TEST(TripletMargin, IsItsDefinitionForEveryNorm) {
  const Tensor a = drawn({5}, 11), b = drawn({5}, 12), c = drawn({5}, 13);
  const Row x = a.to_vector<double>(), y = b.to_vector<double>(), z = c.to_vector<double>();
  for (double p : {0.0, 1.0, 2.0, 3.0, 0.5, inf}) {
    for (bool swap : {false, true}) {
      const double eps = 1e-6, near = distance(x, y, p, eps);
      double far = distance(x, z, p, eps);
      if (swap) far = std::min(far, distance(y, z, p, eps));
      EXPECT_NEAR(F::triplet_margin_loss(a, b, c, {.margin = 2, .p = p, .swap = swap}).item(),
                  std::max(0.0, 2 + near - far), 1e-10)
          << p;
    }
  }
}

TEST(TripletMargin, EqualVectorsHaveNoInfiniteGradient) {
  const Tensor a = drawn({2, 4}, 14);
  a.set_requires_grad();
  F::triplet_margin_loss(a, a.detach().clone(), drawn({2, 4}, 15), {.eps = 0}).backward();
  for (double slope : a.grad().to_vector<double>()) EXPECT_TRUE(std::isfinite(slope));
}

TEST(TripletMargin, AnyDistanceServes) {
  const Tensor a = drawn({3, 4}, 16), b = drawn({3, 4}, 17), c = drawn({3, 4}, 18);
  const auto largest = [](const Tensor& x, const Tensor& y) { return amax(abs(x - y), 1); };
  EXPECT_NEAR(F::triplet_margin_with_distance_loss(a, b, c, largest).item(),
              F::triplet_margin_loss(a, b, c, {.p = inf, .eps = 0}).item(), 1e-12);
}

TEST(ComparingLosses, GradientsAgreeWithDifferences) {
  const Tensor a = drawn({3, 4}, 21), b = drawn({3, 4}, 22), c = drawn({3, 4}, 23);
  const Tensor t = Tensor::from(Row{1, -1, 1}), labels = integers({2, 0, 3}, {3});
  const Tensor lists = integers({0, 2, -1, 0, 3, -1, 0, 0, 1, 2, 3, -1}, {3, 4});
  for (const Tensor& x : {a, b, c}) x.set_requires_grad();
  using In = std::vector<Tensor>;
  const auto check = [](const auto& f, const In& in) { EXPECT_EQ(check_gradient(f, in), ""); };
  for (Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
    const LossOptions o{.reduction = reduction};
    check([&](const In& x) { return F::margin_ranking_loss(x[0], x[1], t.unsqueeze(1), {.margin = 0.5}, o); }, {a, b});
    check([&](const In& x) { return F::multi_margin_loss(x[0], labels, {.p = 2}, o); }, {a});
    check([&](const In& x) { return F::multi_margin_loss(x[0], labels, {}, o); }, {a});
    check([&](const In& x) { return F::multilabel_margin_loss(x[0], lists, {}, o); }, {a});
    check([&](const In& x) { return F::multilabel_soft_margin_loss(x[0], sigmoid(x[1]), {}, o); }, {a, b});
    check([&](const In& x) { return F::cosine_embedding_loss(x[0], x[1], t, {.margin = -0.5}, o); }, {a, b});
    for (double p : {1.0, 2.0, 3.0}) {
      check([&](const In& x) { return F::triplet_margin_loss(x[0], x[1], x[2], {.margin = 4, .p = p}, o); }, {a, b, c});
    }
  }
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
    return "no error";
  } catch (const std::exception& error) {
    return error.what();
  }
}

TEST(ComparingLosses, ErrorsSayWhatIsWrongAndWhatIsValid) {
  const Tensor x = drawn({2, 3}, 31), v = drawn({3}, 32);
  EXPECT_EQ(message_of([&] { F::margin_ranking_loss(x, v, x); }),
            "margin_ranking_loss: input1 has shape [2, 3], input2 [3] and target [2, 3] (valid: the same rank)");
  EXPECT_EQ(message_of([&] {
              F::multi_margin_loss(x, integers({0, 3}, {2}));
            }),
            "multi_margin_loss: target[1] is 3, but input has 3 classes (valid: 0..2)");
  EXPECT_EQ(message_of([&] { F::multi_margin_loss(x, integers({0}, {1})); }),
            "multi_margin_loss: target has shape [1], but input has 2 rows (valid: [2])");
  EXPECT_EQ(message_of([&] {
              F::multi_margin_loss(x, integers({0, 1}, {2}), {.p = 1.5});
            }),
            "multi_margin: p is 1.5 (valid: 1 or 2)");
  EXPECT_EQ(message_of([&] {
              F::multi_margin_loss(x, integers({0, 1}, {2}), {}, {.weight = Tensor::ones({2})});
            }),
            "multi_margin_loss: weight has shape [2], but input has 3 classes (valid: [3])");
  EXPECT_EQ(message_of([&] {
              F::multilabel_margin_loss(x, integers({0, 7, -1, 0, 0, 0}, {2, 3}));
            }),
            "multilabel_margin_loss: target[1] is 7, but input has 3 classes (valid: 0..2, or -1 for the end)");
  EXPECT_EQ(message_of([&] {
              F::cosine_embedding_loss(x, x, drawn({2, 1}, 1));
            }),
            "cosine_embedding_loss: target has shape [2, 1], but the inputs have [2, 3] and [2, 3] (valid: [] for [D], "
            "[N] for [N, D])");
  EXPECT_EQ(message_of([&] { F::triplet_margin_loss(x, x, v); }),
            "triplet_margin_loss: inputs have shapes [2, 3] and [3] (valid: [..., D] of the same rank)");
  EXPECT_EQ(message_of([&] { F::triplet_margin_loss(x, x, x, {.margin = 0}); }),
            "triplet_margin: margin is 0 (valid: above 0)");
}

TEST(ComparingLosses, TheMeanOfNoRowsIsNaN) {
  EXPECT_TRUE(std::isnan(F::multi_margin_loss(drawn({0, 3}, 1), integers({}, {0})).item()));
  EXPECT_TRUE(std::isnan(F::multilabel_margin_loss(drawn({0, 3}, 1), integers({}, {0, 3})).item()));
}

}  // namespace
}  // namespace perdita
