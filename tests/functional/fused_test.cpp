// Operands that are read by blocks (weights, broadcasting, narrow types, any strides), and gradients that are computed
// ahead or in backward(). The references are the formulas, one element or row at a time, in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/all.hpp"

using namespace perdita;

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

Tensor leaf(const Tensor& tensor) { return tensor.clone().set_requires_grad(); }

struct Elements {
  std::int64_t rows = 61, columns = 47;
  Tensor input = Tensor::randn({rows, columns}, 1, 0, DType::float64);
  Tensor target = Tensor::randn({1, columns}, 2, 0, DType::float64);
  Tensor weight = Tensor::rand({rows, 1}, 3, 0, DType::float64);

  double difference(std::int64_t i, std::int64_t k) const {
    return input.select(0, i).select(0, k).item() - target.select(0, 0).select(0, k).item();
  }
  double weight_of(std::int64_t i) const { return weight.select(0, i).select(0, 0).item(); }
};

}  // namespace

TEST(Fused, WeightsAndBroadcastTargets) {
  const Elements e;
  double sum = 0, weights = 0;
  for (std::int64_t i = 0; i < e.rows; ++i) {
    for (std::int64_t k = 0; k < e.columns; ++k) {
      sum += e.weight_of(i) * e.difference(i, k) * e.difference(i, k);
      weights += e.weight_of(i);
    }
  }
  const Tensor input = leaf(e.input);
  const Tensor loss = functional::mse_loss(input, e.target, {.weight = e.weight});
  EXPECT_NEAR(loss.item(), sum / weights, 1e-12);
  loss.backward();
  for (std::int64_t i = 0; i < e.rows; i += 7) {
    for (std::int64_t k = 0; k < e.columns; k += 5) {
      const double expected = 2 * e.weight_of(i) * e.difference(i, k) / weights;
      EXPECT_NEAR(input.grad().select(0, i).select(0, k).item(), expected, 1e-16);
    }
  }
}

TEST(Fused, LossesThatAreNotReducedTakeAnyUpstreamGradient) {
  const Elements e;
  const Tensor input = leaf(e.input), upstream = Tensor::randn({e.rows, e.columns}, 4, 0, DType::float64);
  functional::mse_loss(input, e.target, {.weight = e.weight, .reduction = Reduction::none}).backward(upstream);
  for (std::int64_t i = 0; i < e.rows; i += 3) {
    for (std::int64_t k = 0; k < e.columns; k += 3) {
      const double expected = 2 * e.weight_of(i) * e.difference(i, k) * upstream.select(0, i).select(0, k).item();
      EXPECT_NEAR(input.grad().select(0, i).select(0, k).item(), expected, 1e-14);
    }
  }
}

TEST(Fused, OrdersOfMemory) {
  const Tensor dense = Tensor::randn({5, 6, 7}, 5), target = Tensor::randn({5, 6, 7}, 6);
  const Tensor plain = leaf(dense);
  functional::huber_loss(plain, target).backward();
  const Tensor turned = dense.permute({2, 0, 1}).contiguous().permute({1, 2, 0});
  const Tensor input = turned.detach().set_requires_grad();
  ASSERT_FALSE(input.is_contiguous());
  functional::huber_loss(input, target).backward();
  EXPECT_EQ(input.grad().to_vector<float>(), plain.grad().to_vector<float>());
  const Tensor losses = functional::huber_loss(turned, target, {.reduction = Reduction::none});
  const Tensor expected = functional::huber_loss(dense, target, {.reduction = Reduction::none});
  EXPECT_EQ(losses.contiguous().to_vector<float>(), expected.to_vector<float>());
}

TEST(Fused, NarrowOperandsHaveNarrowGradients) {
  for (const DType dtype : {DType::bfloat16, DType::float16}) {
    const Tensor stored = Tensor::randn({33, 40}, 7).to(dtype), target = Tensor::randn({33, 40}, 8).to(dtype);
    const Tensor input = stored.detach().set_requires_grad(), wide = leaf(stored.to(DType::float32));
    const Tensor loss = functional::mse_loss(input, target);
    EXPECT_EQ(loss.dtype(), DType::float32);
    const Tensor expected = functional::mse_loss(wide, target.to(DType::float32));
    EXPECT_EQ(loss.item(), expected.item());
    loss.backward();
    expected.backward();
    EXPECT_EQ(input.grad().dtype(), dtype);
    EXPECT_EQ(input.grad().to(DType::float32).to_vector<float>(),
              wide.grad().to(dtype).to(DType::float32).to_vector<float>());
    functional::mse_loss(input, target).backward();  // is added
    EXPECT_EQ(input.grad().dtype(), dtype);
  }
}

TEST(Fused, ArithmeticOfNarrowTensorsIsThatOfFloat32) {
  const Tensor a = Tensor::from({1.5f, -2.25f, 3.0f}).to(DType::bfloat16);
  const Tensor b = a * 2.0 + 1.0;
  EXPECT_EQ(b.dtype(), DType::float32);
  EXPECT_EQ(b.to_vector<float>(), (std::vector<float>{4.0f, -3.5f, 7.0f}));
  EXPECT_EQ(sum(a).item(), 2.25);
  EXPECT_THROW(matmul(a.reshape({3, 1}), a.reshape({1, 3})), DTypeError);
}

TEST(Fused, NarrowTensorsAreMadeReadAndPrinted) {
  for (const DType dtype : {DType::bfloat16, DType::float16}) {
    const Tensor ones = Tensor::full({2, 3}, 1.5, dtype), zero = Tensor::zeros({}, dtype);
    EXPECT_EQ(ones.to_vector<float>(), std::vector<float>(6, 1.5f));
    EXPECT_EQ(zero.item(), 0.0);
    EXPECT_NE(to_string(ones).find("1.5"), std::string::npos);
    EXPECT_NE(to_string(ones).find(name_of(dtype)), std::string::npos);
  }
}

TEST(Fused, LossesWithoutNarrowKernelsConvert) {
  const Tensor a = Tensor::randn({8, 16}, 9).to(DType::float16).set_requires_grad();
  const Tensor b = Tensor::randn({8, 16}, 10).to(DType::float16), sign = Tensor::ones({8});
  const Tensor loss = functional::cosine_embedding_loss(a, b, sign);
  EXPECT_EQ(loss.dtype(), DType::float32);
  loss.backward();
  EXPECT_EQ(a.grad().dtype(), DType::float16);
}

// The gradient is the same whether it is computed ahead, for the upstream gradient that comes or for another one, or
// later.
TEST(Fused, ExpectedUpstreamGradientsChangeNoResult) {
  const Tensor logits = Tensor::randn({50, 12}, 11), labels = Tensor::arange(50).to(DType::int32) * 0 + 3;
  for (const double factor : {1.0, 0.5, 1.0 / 3}) {
    std::vector<std::vector<float>> gradients;
    for (const double expected : {factor, 7.0, unknown}) {
      const Tensor input = leaf(logits);
      const Tensor loss = functional::cross_entropy(input, labels, {.expected_upstream = expected});
      loss.backward(Tensor::full({}, factor));
      gradients.push_back(input.grad().to_vector<float>());
    }
    EXPECT_EQ(gradients[0], gradients[1]);
    EXPECT_EQ(gradients[0], gradients[2]);
    const Tensor input = leaf(logits);
    (functional::cross_entropy(input, labels) * factor).backward();
    for (std::size_t i = 0; i < gradients[0].size(); ++i)
      EXPECT_NEAR(input.grad().to_vector<float>()[i], gradients[0][i], 1e-8);
  }
}

TEST(Fused, GradientsComputedLaterNeedUnchangedOperands) {
  const Tensor input = leaf(Tensor::randn({9}, 12)), target = Tensor::randn({9}, 13);
  const Tensor loss = functional::mse_loss(input, target, {.expected_upstream = unknown});
  target.mul_(2.0);
  EXPECT_THROW(loss.backward(), GraphError);
}

TEST(Fused, RowsTakeUpstreamGradientsOfTheirOwn) {
  for (const std::int64_t classes : {5, 300}) {
    const Tensor logits = Tensor::randn({20, classes}, 14, 0, DType::float64);
    const Tensor labels = Tensor::arange(20) * 0 + 2, upstream = Tensor::randn({20}, 15, 0, DType::float64);
    const Tensor input = leaf(logits);
    functional::focal_loss(input, labels, Focal{.gamma = 2}, {.reduction = Reduction::none}).backward(upstream);
    for (std::int64_t row = 0; row < 20; ++row) {
      const Tensor one = leaf(logits.slice(0, row, row + 1));
      functional::focal_loss(one, labels.slice(0, row, row + 1), Focal{.gamma = 2}).backward();
      for (std::int64_t k = 0; k < classes; ++k) {
        EXPECT_NEAR(input.grad().select(0, row).select(0, k).item(),
                    one.grad().select(0, 0).select(0, k).item() * upstream.select(0, row).item(), 1e-15);
      }
    }
  }
}
