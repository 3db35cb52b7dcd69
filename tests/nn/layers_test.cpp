#include "perdita/nn/layers.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "perdita/tensor/gradcheck.hpp"

namespace perdita::nn {
namespace {

/// A Linear whose parameters are the given numbers.
Linear linear(const Tensor& weight, const Tensor& bias) {
  const Linear layer(weight.size(1), weight.size(0));
  layer.load_state_dict({{"weight", weight}, {"bias", bias}});
  return layer;
}

TEST(Linear, IsTheProductWithTheTransposePlusBias) {
  const Linear layer = linear(Tensor::from({1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}, {2, 3}), Tensor::from({10.0f, 20.0f}));
  const Tensor x = Tensor::from({1.0f, 0.0f, -1.0f, 2.0f, 1.0f, 0.0f}, {2, 3});
  EXPECT_EQ(layer(x).to_vector<float>(), (std::vector<float>{8, 18, 14, 33}));
  EXPECT_EQ(layer(x.reshape({1, 2, 3})).shape(), Shape({1, 2, 2}));
  EXPECT_EQ(layer(x.select(0, 0)).to_vector<float>(), (std::vector<float>{8, 18}));
  EXPECT_THROW(layer(Tensor::zeros({2, 4})), ShapeError);
  EXPECT_THROW(Linear(0, 3), ValueError);
}

TEST(Linear, StartsUniformWithinOneOverTheRootOfItsInputs) {
  manual_seed(3);
  const Linear layer(400, 300);
  double square_sum = 0, largest = 0;
  for (float w : layer.weight.to_vector<float>()) {
    largest = std::max(largest, std::abs(static_cast<double>(w)));
    square_sum += static_cast<double>(w) * static_cast<double>(w);
  }
  EXPECT_LE(largest, 0.05);
  EXPECT_GT(largest, 0.0499);
  EXPECT_NEAR(square_sum / 120000, 0.05 * 0.05 / 3, 1e-5);
  const Linear other(400, 300);
  EXPECT_NE(other.weight.to_vector<float>(), layer.weight.to_vector<float>());
  manual_seed(3);
  EXPECT_EQ(Linear(400, 300).weight.to_vector<float>(), layer.weight.to_vector<float>());
}

TEST(CosineLinear, IsScaleTimesTheCosine) {
  const CosineLinear layer(2, 3, 10);
  EXPECT_EQ(layer.parameters().size(), 1u);
  for (int k = 0; k < 3; ++k) {
    const auto row = layer.weight.select(0, k).to_vector<double>();
    EXPECT_NEAR(std::hypot(row[0], row[1]), 1, 1e-6);
  }
  const Tensor w = Tensor::from({3.0f, 4.0f, 0.0f, 0.0f, 0.0f, -2.0f}, {3, 2});
  layer.load_state_dict({{"weight", w}, {"scale", Tensor::from({10.0f})}});
  const auto y = layer(Tensor::from({5.0f, 0.0f, 0.0f, 0.0f, 1e-9f, 1e-9f}, {3, 2})).to_vector<double>();
  const double half_root = std::sqrt(0.5);
  const double expected[] = {6, 0, 0, 0, 0, 0, 14 * half_root, 0, -10 * half_root};
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(y[i], expected[i], 1e-5) << i;
  EXPECT_EQ(layer(Tensor::zeros({2, 4, 2})).shape(), Shape({2, 4, 3}));
  EXPECT_THROW(layer(Tensor::zeros({2, 4})), ShapeError);
  EXPECT_THROW(CosineLinear(2, 0), ValueError);
  EXPECT_THROW(CosineLinear(2, 3, 0), ValueError);
}

TEST(CosineLinear, HasGradientsAlsoAtZero) {
  const CosineLinear layer(3, 2, 4);
  const Tensor x = Tensor::zeros({2, 3}).set_requires_grad();
  sum(layer(x)).backward();
  for (double g : x.grad().to_vector<double>()) EXPECT_TRUE(std::isfinite(g));
  for (double g : layer.weight.grad().to_vector<double>()) EXPECT_EQ(g, 0);
  // d cos / dx = (w/|w| - cos x/|x|) / |x|, which is orthogonal to x.
  const Tensor y = Tensor::from({1.0f, 2.0f, -2.0f}, {1, 3}).set_requires_grad();
  layer.load_state_dict(
      {{"weight", Tensor::from({2.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, {2, 3})}, {"scale", Tensor::from({4.0f})}});
  sum(layer(y)).backward();
  const auto g = y.grad().to_vector<double>();
  const double expected[] = {4 * (1 - 1.0 / 9) / 3, 4 * (-2.0 / 9) / 3, 4 * (2.0 / 9) / 3};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(g[i], expected[i], 1e-6);
}

TEST(Layers, GradientsAgreeWithDifferences) {
  const Tensor x = Tensor::randn({4, 3}, 1, 0, DType::float64).set_requires_grad();
  const Tensor w = Tensor::randn({2, 3}, 2, 0, DType::float64).set_requires_grad();
  const Tensor b = Tensor::randn({2}, 3, 0, DType::float64).set_requires_grad();
  const auto f = [](const std::vector<Tensor>& in) {
    return Tanh()(Sigmoid()(ReLU()(matmul(in[0], in[1].t()) + in[2])));
  };
  EXPECT_EQ(check_gradient(f, {x, w, b}), "");
}

TEST(Dropout, DropsAndScalesWhileTraining) {
  manual_seed(1);
  const Dropout layer(0.25);
  const Tensor x = Tensor::ones({100000});
  const auto dropped = layer(x).to_vector<float>();
  double kept = 0;
  for (float v : dropped) {
    EXPECT_TRUE(v == 0 || v == 1 / 0.75f);
    kept += v != 0;
  }
  EXPECT_NEAR(kept / 1e5, 0.75, 5 * std::sqrt(0.75 * 0.25 / 1e5));
  EXPECT_NE(layer(x).to_vector<float>(), dropped);  // another mask
  layer.eval();
  EXPECT_EQ(layer(x).to_vector<float>(), x.to_vector<float>());
  EXPECT_THROW(Dropout(1), ValueError);
}

TEST(Dropout, StateContinuesTheMasks) {
  manual_seed(1);
  const Dropout first(0.5);
  manual_seed(1);
  const Dropout second(0.5);
  const Tensor x = Tensor::ones({50});
  first(x);
  second.load_state_dict(first.state_dict());
  EXPECT_EQ(first(x).to_vector<float>(), second(x).to_vector<float>());
}

TEST(Sequential, AppliesLayersInOrder) {
  const Sequential model(Flatten(), Linear(6, 4), ReLU(), Linear(4, 2));
  EXPECT_EQ(model(Tensor::ones({5, 2, 3})).shape(), Shape({5, 2}));
  EXPECT_EQ(model.parameters().size(), 4u);
  EXPECT_EQ(model.named_parameters()[2].first, "3.weight");
}

}  // namespace
}  // namespace perdita::nn
