// The search for the first loss or derivative that is NaN or infinite.
#include "perdita/functional/nonfinite.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "refusal.hpp"

namespace perdita {
namespace {

namespace F = functional;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Nonfinite, NamesPartRowAndOperand) {
  const Tensor input = Tensor::from({0.1, 0.2, 0.3, nan, 0.5, 0.6}, {3, 2});
  const Tensor target = Tensor::from(std::vector<std::int64_t>{0, 1, 1});
  const auto found = first_nonfinite(parse_loss_sum("0.7*cross_entropy + focal"), {{input, target}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->part, "cross_entropy");
  EXPECT_EQ(found->row, 1);
  EXPECT_EQ(found->operand, "input");
  EXPECT_EQ(found->message, "cross_entropy: the loss of row 1 is nan: input[1, 1] is nan");
}

TEST(Nonfinite, NamesTheSecondPartIfTheFirstIsFinite) {
  const Tensor input = Tensor::from({1.0, 800.0}), target = Tensor::from({0.0, 3.0});
  const auto found = first_nonfinite(parse_loss_sum("l1 + (formula: exp(y) - t)"), {{input, target}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->part, "formula");
  EXPECT_EQ(found->row, 1);
  EXPECT_EQ(found->operand, "");
  EXPECT_EQ(
      found->message,
      "formula: the loss of row 1 is inf, although the operands of the row are finite (input is 800, target is 3)");
}

TEST(Nonfinite, FindsDerivativesOfFiniteLosses) {
  const Tensor input = Tensor::from({4.0, 1.0}), target = Tensor::from({1.0, 1.0});
  const auto found = first_nonfinite(parse_loss("formula: sqrt(y - t)"), {{input, target}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row, 1);
  EXPECT_NE(found->message.find("the derivative with respect to input[1] is inf"), std::string::npos) << found->message;
  EXPECT_FALSE(first_nonfinite(parse_loss("mse"), {{input, target}}));
}

TEST(Nonfinite, NamesWeightsAndOperandsOfClasses) {
  const Tensor input = Tensor::from({0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, {2, 3});
  const Tensor target = Tensor::from(std::vector<std::int64_t>{0, 2});
  const Tensor weight = Tensor::from({1.0, 1.0, nan});
  const auto of_weight = first_nonfinite(parse_loss("cross_entropy"), {{input, target, weight}});
  ASSERT_TRUE(of_weight);
  EXPECT_EQ(of_weight->operand, "weight");
  EXPECT_NE(of_weight->message.find("weight[2] is nan"), std::string::npos) << of_weight->message;
  // The counts of classes have no row 1.
  const Tensor broken = Tensor::from({0.1, 0.2, 0.3, 0.4, nan, 0.6}, {2, 3}), counts = Tensor::from({4.0, 2.0, 1.0});
  const auto of_input = first_nonfinite(parse_loss("balanced_softmax"), {{broken, target, counts}});
  ASSERT_TRUE(of_input);
  EXPECT_EQ(of_input->operand, "input");
}

TEST(Nonfinite, DetectionIsOnRequest) {
  const Tensor input = Tensor::from({1.0, nan}), target = Tensor::from({0.0, 0.0});
  EXPECT_TRUE(std::isnan(F::mse_loss(input, target).item()));
  set_nonfinite_detection(true);
  const std::string of_function = refusal<NumericalError>([&] { F::mse_loss(input, target); });
  const std::string of_sum = refusal<NumericalError>([&] { F::call(parse_loss_sum("l1 + mse"), {input, target}); });
  const double finite = F::mse_loss(target, target).item();
  set_nonfinite_detection(false);
  EXPECT_EQ(of_function, "mse: the loss of row 1 is nan: input[1] is nan");
  EXPECT_EQ(of_sum, "l1: the loss of row 1 is nan: input[1] is nan");
  EXPECT_EQ(finite, 0);
  EXPECT_TRUE(std::isnan(F::mse_loss(input, target).item()));
}

TEST(Nonfinite, DetectionReducesAsTheCallDoes) {
  const Tensor logits = Tensor::from({0.1, 0.2, 0.3, 0.4}, {2, 2});
  const Tensor ignored = Tensor::from(std::vector<std::int64_t>{-100, -100});
  set_nonfinite_detection(true);
  const std::string of_mean = refusal<NumericalError>([&] { F::cross_entropy(logits, ignored); });
  const Tensor losses = F::cross_entropy(logits, ignored, {.reduction = Reduction::none});
  const Tensor total = F::cross_entropy(logits, ignored, {.reduction = Reduction::sum});
  set_nonfinite_detection(false);
  EXPECT_NE(of_mean, "");
  EXPECT_EQ(losses.to_vector<double>(), (std::vector<double>{0, 0}));
  EXPECT_EQ(total.item(), 0);
}

}  // namespace
}  // namespace perdita
