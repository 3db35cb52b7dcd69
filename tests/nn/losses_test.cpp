#include "perdita/nn/losses.hpp"

#include <gtest/gtest.h>

namespace perdita::nn {
namespace {

TEST(LossModules, CallTheirFunctions) {
  const Tensor y = Tensor::from({0.5, 3.0}), t = Tensor::from({0.0, 0.0});
  EXPECT_EQ(HuberLoss({.delta = 2}, {.reduction = Reduction::sum})(y, t).item(), 0.125 + 4);
  EXPECT_EQ(MSELoss()(y, t).item(), (0.25 + 9) / 2);
  EXPECT_EQ(GaussianNLLLoss()(y, t, Tensor::ones({2}, DType::float64)).item(), (0.125 + 4.5) / 2);
  const Tensor labels = Tensor::from({std::int64_t{1}});
  EXPECT_EQ(CrossEntropyLoss({.label_smoothing = 0.1})(y.unsqueeze(0), labels).item(),
            functional::cross_entropy(y.unsqueeze(0), labels, {.label_smoothing = 0.1}).item());
}

TEST(LossModules, KeepWeightsAsBuffers) {
  const CrossEntropyLoss weighted({.weight = Tensor::from({1.0, 2.0})});
  ASSERT_EQ(weighted.state_dict().size(), 1u);
  EXPECT_EQ(weighted.state_dict()[0].first, "weight");
  EXPECT_TRUE(weighted.parameters().empty());
  EXPECT_TRUE(CrossEntropyLoss().state_dict().empty());
  EXPECT_EQ(BCEWithLogitsLoss({.pos_weight = Tensor::from({3.0})}).state_dict()[0].first, "pos_weight");
}

TEST(LossModules, CheckOptionsWhenMade) {
  EXPECT_THROW(HuberLoss({.delta = 0}), ValueError);
  EXPECT_THROW(CrossEntropyLoss({.label_smoothing = -0.1}), ValueError);
  EXPECT_THROW(CrossEntropyLoss({.reduction = Reduction::batchmean}), ValueError);
  EXPECT_THROW(FocalLoss({.gamma = -1}), ValueError);
}

}  // namespace
}  // namespace perdita::nn
