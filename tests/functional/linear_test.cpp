// linear_cross_entropy beside cross_entropy of stored logits.
#include <gtest/gtest.h>

#include <cmath>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/all.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

struct Problem {
  Tensor input, weight, bias, target, class_weight;
};

Problem indexed(std::int64_t rows, std::int64_t classes, const Shape& places = {}) {
  Shape outputs{classes}, positions{rows};
  for (int i = 0; i < places.rank(); ++i) {
    outputs.push_back(places[i]);
    positions.push_back(places[i]);
  }
  Shape matrix = outputs;
  matrix.push_back(6);
  std::vector<std::int64_t> labels(static_cast<std::size_t>(numel(positions)));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = i % 5 == 3 ? -100 : static_cast<std::int64_t>(i * 7) % classes;
  const auto leaf = [](const Shape& shape, std::uint64_t seed) {
    return Tensor::randn(shape, seed, 0, DType::float64).set_requires_grad();
  };
  return {leaf({rows, 6}, 1), leaf(matrix, 2), leaf(outputs, 3), Tensor::from(labels, positions),
          exp(Tensor::randn({classes}, 4, 0, DType::float64))};
}

Tensor stored(const Problem& p, const ClassOptions& options, const Tensor& input) {
  Shape shape = p.weight.shape();
  shape.erase(shape.rank() - 1);
  shape.insert(0, input.size(0));
  const Tensor logits = matmul(input, p.weight.reshape({-1, p.weight.shape().back()}).t()) + p.bias.flatten();
  return F::cross_entropy(logits.reshape(shape), p.target, options);
}

void expect_near(const Tensor& found, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const auto a = found.to_vector<double>(), b = expected.to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], 1e-12 * (1 + std::abs(b[i]))) << what << " at " << i;
}

TEST(LinearCrossEntropy, IsCrossEntropyOfALinearLayerWhateverTheChunks) {
  for (const Problem& p : {indexed(11, 5), indexed(7, 4, {3, 2})}) {
    const bool is_flat = p.target.rank() == 1;
    const Tensor soft = softmax(Tensor::randn({11, 5}, 9, 0, DType::float64), 1).detach();
    for (Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
      for (Normalize normalize : {Normalize::standard, Normalize::count, Normalize::weight_sum, Normalize::batch}) {
        if (reduction != Reduction::mean && normalize != Normalize::standard) continue;
        for (bool has_probabilities : {false, true}) {
          if (has_probabilities && !is_flat) continue;
          Problem q = p;
          if (has_probabilities) q.target = soft;
          const ClassOptions options{
              .weight = q.class_weight, .label_smoothing = 0.1, .reduction = reduction, .normalize_by = normalize};
          const Tensor expected = stored(q, options, q.input);
          const Tensor upstream = Tensor::randn(expected.shape(), 8, 0, DType::float64);
          const std::vector<Tensor> leaves{q.input, q.weight, q.bias};
          const auto by_stored = grad({expected}, leaves, {.grad_outputs = {upstream}});
          for (std::int64_t chunk_rows : {0, 1, 4, 100}) {
            const Tensor found = F::linear_cross_entropy(q.input, q.weight, q.target,
                                                         {.linear_bias = q.bias,
                                                          .weight = options.weight,
                                                          .label_smoothing = options.label_smoothing,
                                                          .reduction = reduction,
                                                          .normalize_by = normalize,
                                                          .chunk_rows = chunk_rows});
            expect_near(found, expected, "value");
            const auto gradients = grad({found}, leaves, {.grad_outputs = {upstream}});
            for (std::size_t i = 0; i < leaves.size(); ++i) expect_near(gradients[i], by_stored[i], "gradient");
          }
        }
      }
    }
  }
}

TEST(LinearCrossEntropy, OneRowNoRowsAndIgnoredRows) {
  const Problem p = indexed(4, 5);
  const Tensor row = p.input.detach().slice(0, 1, 2);
  const Tensor one = F::linear_cross_entropy(row.squeeze(0), p.weight, Tensor::from({std::int64_t{2}}).squeeze(0));
  EXPECT_EQ(one.shape(), Shape{});
  EXPECT_DOUBLE_EQ(one.item(), F::cross_entropy(matmul(row, p.weight.t()), Tensor::from({std::int64_t{2}})).item());
  const Tensor none = Tensor::zeros({0, 6}, DType::float64);
  EXPECT_TRUE(std::isnan(F::linear_cross_entropy(none, p.weight, Tensor::zeros({0}, DType::int64)).item()));
  EXPECT_EQ(
      F::linear_cross_entropy(none, p.weight, Tensor::zeros({0}, DType::int64), {.reduction = Reduction::sum}).item(),
      0);
  LossExtras extras;
  const Tensor no_losses = F::linear_cross_entropy(none, p.weight, Tensor::zeros({0}, DType::int64),
                                                   {.reduction = Reduction::none, .extras = &extras});
  EXPECT_EQ(no_losses.shape(), Shape{0});
  EXPECT_EQ(extras.losses.shape(), Shape{0});
  EXPECT_EQ(extras.hits.shape(), Shape{0});
  const Tensor ignored = F::linear_cross_entropy(p.input, p.weight, Tensor::full({4}, -100, DType::int64));
  EXPECT_TRUE(std::isnan(ignored.item()));
  for (double g : grad(ignored, p.weight).to_vector<double>()) EXPECT_EQ(g, 0);
}

TEST(LinearCrossEntropy, SecondDerivativesAndGradientsByTargetAndWeightStoreTheLogits) {
  const Problem p = indexed(3, 4);
  for (Reduction reduction : {Reduction::none, Reduction::mean}) {
    const auto of_leaves = [&](const std::vector<Tensor>& in) {
      return F::linear_cross_entropy(in[0], in[1], p.target,
                                     {.linear_bias = in[2], .reduction = reduction, .chunk_rows = 2});
    };
    EXPECT_EQ(check_gradient(of_leaves, {p.input, p.weight, p.bias}, {.second_order = true}), "");
  }
  const Tensor soft = softmax(Tensor::randn({3, 4}, 9, 0, DType::float64), 1).detach().set_requires_grad();
  const Tensor class_weight = p.class_weight.detach().set_requires_grad();
  const auto of_others = [&](const std::vector<Tensor>& in) {
    return F::linear_cross_entropy(p.input, p.weight, in[0], {.linear_bias = p.bias, .weight = in[1]});
  };
  EXPECT_EQ(check_gradient(of_others, {soft, class_weight}), "");
}

TEST(LinearCrossEntropy, ExtrasAreThoseOfCrossEntropy) {
  const Problem p = indexed(9, 5);
  for (Reduction reduction : {Reduction::none, Reduction::mean}) {
    LossExtras found, expected;
    F::linear_cross_entropy(p.input, p.weight, p.target,
                            {.linear_bias = p.bias, .reduction = reduction, .extras = &found, .chunk_rows = 4});
    stored(p, {.reduction = reduction, .extras = &expected}, p.input);
    expect_near(found.losses, expected.losses, "losses");
    EXPECT_EQ(found.hits.to_vector<bool>(), expected.hits.to_vector<bool>());
    EXPECT_NEAR(found.numerator, expected.numerator, 1e-12);
    EXPECT_EQ(found.denominator, expected.denominator);
  }
}

TEST(LinearCrossEntropy, ErrorsSayWhatIsWrongAndWhatIsValid) {
  const Problem p = indexed(4, 5);
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([&] {
              F::linear_cross_entropy(p.input, p.weight, Tensor::from(std::vector<std::int64_t>{0, 1, 2, 5}),
                                      {.chunk_rows = 1});
            }),
            "linear_cross_entropy: target[3] is 5, but input has 5 classes (valid: 0..4, or ignore_index -100)");
  EXPECT_EQ(
      message([&] { F::linear_cross_entropy(p.input, p.weight.slice(1, 0, 5), p.target); }),
      "linear_cross_entropy: linear_weight has shape [5, 5], but input has [4, 6] (valid: [C, F] or [C, d1, ..., F])");
  EXPECT_EQ(message([&] { F::linear_cross_entropy(p.input, p.weight, p.target.slice(0, 0, 3)); }),
            "linear_cross_entropy: target has shape [3], but logits have [4, 5] (valid: [4] with class indices, [4, 5] "
            "with probabilities)");
  EXPECT_EQ(
      message([&] { F::linear_cross_entropy(p.input, p.weight, p.target, {.linear_bias = p.bias.slice(0, 0, 2)}); }),
      "linear_cross_entropy: linear_bias has shape [2], but linear_weight has [5, 6] (valid: [5])");
  EXPECT_EQ(message([&] { F::linear_cross_entropy(p.input, p.weight.detach().to(DType::float32), p.target); }),
            "linear_cross_entropy: linear_weight holds float32, but input holds float64 (valid: the same)");
  EXPECT_EQ(message([&] { F::linear_cross_entropy(p.input, p.weight, p.target, {.chunk_rows = -1}); }),
            "linear_cross_entropy: chunk_rows is -1 (valid: 0 or more)");
}

}  // namespace
}  // namespace perdita
