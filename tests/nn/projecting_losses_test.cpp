#include "perdita/nn/projecting_losses.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "perdita/tensor/gradcheck.hpp"

namespace perdita::nn {
namespace {

const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 11, 4, 3, 7, 1});

TEST(LinearCrossEntropyLoss, IsTheFunctionOfItsLayer) {
  const Tensor x = Tensor::randn({6, 8}, 1);
  const LinearCrossEntropyLoss flat(8, 12, {.label_smoothing = 0.1}, {.bias = true, .chunk_rows = 2});
  EXPECT_EQ(flat.state_dict().size(), 2u);
  EXPECT_EQ(flat.state_dict()[0].first, "linear.weight");
  EXPECT_NEAR(flat(x, labels).item(),
              functional::cross_entropy(flat.linear(x), labels, {.label_smoothing = 0.1}).item(), 1e-6);
  flat(x, labels).backward();
  EXPECT_TRUE(flat.linear.weight.grad().defined() && flat.linear.bias.grad().defined());

  const LinearCrossEntropyLoss placed(8, 4, {}, {.places = {3}});
  const Tensor targets = Tensor::zeros({6, 3}, DType::int64);
  EXPECT_NEAR(placed(x, targets).item(), functional::cross_entropy(placed.linear(x).reshape({6, 4, 3}), targets).item(),
              1e-6);
  EXPECT_THROW(LinearCrossEntropyLoss(8, 12, {.label_smoothing = 2}), ValueError);
  EXPECT_THROW(LinearCrossEntropyLoss(8, 12, {.weight = Tensor::ones({3})}), ShapeError);
}

TEST(AdaptiveLogSoftmaxWithLoss, GivesTheLogProbabilitiesOfADistribution) {
  manual_seed(3);
  const AdaptiveLogSoftmaxWithLoss criterion(16, 12, {4, 7}, {.div_value = 2, .head_bias = true});
  const Tensor x = Tensor::randn({6, 16}, 1);
  const Tensor all = criterion.log_prob(x);
  ASSERT_EQ(all.shape(), (Shape{6, 12}));
  for (double total : sum(exp(all), 1).to_vector<double>()) EXPECT_NEAR(total, 1, 1e-6);
  const auto [output, loss] = criterion(x, labels);
  const Tensor picked = gather(all, 1, labels.unsqueeze(1)).squeeze(1);
  EXPECT_LT(max(abs(output - picked)).item(), 1e-6);
  EXPECT_NEAR(loss.item(), -mean(picked).item(), 1e-6);
  EXPECT_EQ(criterion.predict(x).to_vector<std::int64_t>(), argmax(all, 1).to_vector<std::int64_t>());

  const auto [one, its_loss] = criterion(x.select(0, 1), labels.select(0, 1));
  EXPECT_EQ(one.shape(), Shape{});
  EXPECT_NEAR(one.item(), output.to_vector<double>()[1], 1e-6);
}

TEST(AdaptiveLogSoftmaxWithLoss, TrainsHeadAndTails) {
  const AdaptiveLogSoftmaxWithLoss criterion(16, 12, {4, 7}, {.div_value = 2});
  const Tensor x = Tensor::randn({6, 16}, 1).set_requires_grad();
  const auto names = criterion.named_parameters();
  ASSERT_EQ(names.size(), 5u);
  EXPECT_EQ(names[0].first, "head.weight");
  EXPECT_EQ(names[4].first, "tail.1.1.weight");
  const Tensor by_output = grad(criterion(x, labels).loss, x);
  const Tensor by_all = grad(-mean(gather(criterion.log_prob(x), 1, labels.unsqueeze(1))), x);
  EXPECT_LT(max(abs(by_output - by_all)).item(), 1e-6);
  criterion(x, labels).loss.backward();
  for (const auto& [name, parameter] : names) EXPECT_TRUE(parameter.grad().defined()) << name;
}

TEST(AdaptiveLogSoftmaxWithLoss, ErrorsSayWhatIsWrongAndWhatIsValid) {
  EXPECT_THROW(AdaptiveLogSoftmaxWithLoss(16, 12, {7, 4}), ValueError);
  EXPECT_THROW(AdaptiveLogSoftmaxWithLoss(16, 12, {}), ValueError);
  EXPECT_THROW(AdaptiveLogSoftmaxWithLoss(16, 12, {12}), ValueError);
  EXPECT_THROW(AdaptiveLogSoftmaxWithLoss(2, 12, {4}), ValueError);
  const AdaptiveLogSoftmaxWithLoss criterion(16, 12, {4, 7});
  EXPECT_THROW(criterion(Tensor::zeros({2, 16}), Tensor::zeros({3}, DType::int64)), ShapeError);
  EXPECT_THROW(criterion(Tensor::zeros({2, 16}), Tensor::from({0.5, 1.5})), DTypeError);
  try {
    criterion(Tensor::zeros({2, 16}), Tensor::from(std::vector<std::int64_t>{0, 12}));
    FAIL();
  } catch (const IndexError& error) {
    EXPECT_STREQ(error.what(), "AdaptiveLogSoftmaxWithLoss: target[1] is 12 (valid: 0..11)");
  }
}

}  // namespace
}  // namespace perdita::nn
