// The network of a run: its scalings, its heads, its names.
#include <gtest/gtest.h>

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/train/mlp.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {
namespace {

TEST(Scaling, IsMeanAndDeviationOfEachColumn) {
  const Tensor x = Tensor::from(std::vector<double>{1, 1e9, 5, 3, 1e9 + 2, 5}).reshape({2, 3});
  const Scaling scaling = scaling_of(x.to_array());
  EXPECT_EQ(scaling.mean.to_vector<float>(), (std::vector<float>{2, 1e9f, 5}));
  EXPECT_EQ(scaling.deviation.to_vector<float>(), (std::vector<float>{1, 1, 1}));  // a constant column is not scaled
}

TEST(Scaling, OfPixelsIsThatOfAllOfThem) {
  const Tensor pixels = Tensor::from(std::vector<std::uint8_t>{0, 255, 0, 255}).reshape({2, 2});
  const data::PixelScale scale = pixel_scale_of(pixels.to_array());
  EXPECT_NEAR(scale.mean, 0.5, 1e-12);
  EXPECT_NEAR(scale.deviation, 0.5, 1e-12);
}

/// A linear model y = 2 x with this head, in double by hand.
std::vector<double> outputs(Head head, const Scaling& out = {}) {
  const Mlp model({.inputs = 1, .outputs = 1, .hidden = {}, .head = head, .output_scaling = out});
  for (const auto& [name, tensor] : model.state_dict()) {
    if (name.ends_with("weight")) Tensor(tensor).fill_(2.0);
    if (name.ends_with("bias")) Tensor(tensor).fill_(0.0);
  }
  return model(Tensor::full({1, 1}, 1.5)).detach().to_vector<double>();
}

TEST(Mlp, HeadsGiveWhatTheirLossesTake) {
  EXPECT_NEAR(outputs(Head::identity)[0], 3, 1e-6);
  EXPECT_NEAR(outputs(Head::sigmoid)[0], 1 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_NEAR(outputs(Head::softplus)[0], std::log1p(std::exp(3.0)), 1e-6);
  EXPECT_NEAR(outputs(Head::log_softmax)[0], 0, 1e-6);
  const auto both = outputs(Head::mean_and_variance);
  EXPECT_NEAR(both[0], 3, 1e-6);
  EXPECT_NEAR(both[1], std::log1p(std::exp(3.0)), 1e-6);
}

TEST(Mlp, OutputsAreInTheUnitOfTheTargets) {
  const Scaling scaling{Tensor::from(std::vector<float>{100}), Tensor::from(std::vector<float>{10})};
  EXPECT_NEAR(outputs(Head::identity, scaling)[0], 130, 1e-4);
  const auto both = outputs(Head::mean_and_variance, scaling);
  EXPECT_NEAR(both[0], 130, 1e-4);
  EXPECT_NEAR(both[1], 100 * std::log1p(std::exp(3.0)), 1e-3);
}

TEST(Mlp, LastLayerOfCosinesIsBoundedByItsScale) {
  const Mlp model({.inputs = 4, .outputs = 3, .hidden = {5}, .cosine_scale = 16});
  const auto y = model(Tensor::full({2, 4}, 1e6)).detach().to_vector<double>();
  for (double logit : y) EXPECT_LE(std::abs(logit), 16.001);
  bool has_scale = false;
  for (const auto& [name, tensor] : model.state_dict()) {
    if (name == "layers.2.scale") has_scale = tensor.item() == 16;
    EXPECT_NE(name, "layers.2.bias");
  }
  EXPECT_TRUE(has_scale);
}

TEST(LastLayer, IsReadAndWritten) {
  for (const char* text : {"linear", "cosine", "cosine:scale=16"}) EXPECT_EQ(to_string(parse_last_layer(text)), text);
  EXPECT_EQ(to_string(parse_last_layer("cosine:scale=1e1")), "cosine:scale=10");
  for (const char* text : {"", "cosin", "cosine:scale=0", "cosine:scale=x", "linear:scale=2"})
    EXPECT_THROW(parse_last_layer(text), ValueError) << text;
}

TEST(LastLayer, HasTheLosssOwnScaleOrThatOfLdam) {
  const auto scale_of = [](const char* loss, const char* layer) -> std::optional<double> {
    Config config;
    config.data = "synthetic:blobs,samples=60,classes=3";
    config.loss = parse_loss(loss);
    config.last_layer = parse_last_layer(layer);
    for (const auto& [name, tensor] : prepare(config).make_model()->state_dict()) {
      if (name.ends_with(".scale")) return tensor.item();
    }
    return std::nullopt;
  };
  EXPECT_EQ(scale_of("cross_entropy", "linear"), std::nullopt);
  EXPECT_EQ(scale_of("cross_entropy", "cosine"), 30);
  EXPECT_EQ(scale_of("ldam", "cosine"), 1);
  EXPECT_EQ(scale_of("ldam", "cosine:scale=2"), 2);
  Config config;
  config.data = "synthetic:linear";
  config.last_layer = {.is_cosine = true};
  EXPECT_THROW(prepare(config), ValueError);
}

TEST(Mlp, NamesAndSizes) {
  const Mlp model({.inputs = 4, .outputs = 3, .hidden = {5, 2}, .dropout = 0.5});
  EXPECT_EQ(model.description().sizes, "4-5-2-3");
  EXPECT_EQ(model.parameter_count(), 4 * 5 + 5 + 5 * 2 + 2 + 2 * 3 + 3);
}

}  // namespace
}  // namespace perdita::train
