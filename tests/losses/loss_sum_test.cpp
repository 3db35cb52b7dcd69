// Sums of losses: their text, their weights, and parts that do not fit together.
#include "perdita/losses/loss_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace perdita {
namespace {

std::string refusal_of(const std::string& text) {
  try {
    parse_loss_sum(text);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

#define EXPECT_REFUSAL(text, message) EXPECT_NE(refusal_of(text).find(message), std::string::npos) << refusal_of(text)

TEST(LossSum, ReadsPartsWithWeightsAndOptions) {
  const LossSum sum = parse_loss_sum("0.7*cross_entropy+0.3 * focal:gamma=2.5,label_smoothing=0.1 + focal");
  ASSERT_EQ(sum.size(), 3u);
  EXPECT_EQ(sum.parts()[0].name, "cross_entropy");
  EXPECT_EQ(sum.parts()[1].name, "focal");
  EXPECT_EQ(sum.parts()[2].name, "focal_2");
  EXPECT_EQ(sum.parts()[0].weight.factor, 0.7);
  EXPECT_EQ(sum.parts()[1].weight.factor, 0.3);
  EXPECT_EQ(sum.parts()[2].weight.factor, 1);
  EXPECT_EQ(to_string(sum.parts()[1].loss), "focal:gamma=2.5,label_smoothing=0.1");
  EXPECT_EQ(sum.single(), nullptr);
  EXPECT_FALSE(sum.changes());
}

TEST(LossSum, ASingleLossIsWhatParseLossReads) {
  const LossSum sum = parse_loss_sum("huber_loss:delta=2");
  ASSERT_NE(sum.single(), nullptr);
  EXPECT_EQ(to_string(*sum.single()), "huber:delta=2");
  EXPECT_EQ(parse_loss_sum("0.5*huber").single(), nullptr);
}

TEST(LossSum, TextIsReadBack) {
  for (const char* text :
       {"huber:delta=2", "0.5*mse", "0.7*cross_entropy + 0.3*focal:gamma=3", "mse + 1e-07*l1", "-0.5*mse + l1",
        "mse + 2*huber:delta=1e+20 + l1", "linear(0,1,epochs=10)*mse + l1", "0.5*cosine(1,0.1,epochs=2.5)*mse + l1",
        "step(0.5,1,epochs=3)*learned*mse + learned*l1", "0.5*mse + 2*(formula: abs(y - t)^1.5 + y*0) + l1",
        "formula: a * (y - t)^2 + l1 * 0 where a = 2; l1 = 3"}) {
    EXPECT_EQ(to_string(parse_loss_sum(text)), text);
  }
}

TEST(LossSum, AFormulaWithoutParenthesesExtendsToTheEnd) {
  const LossSum sum = parse_loss_sum("mse + 0.5*formula: abs(y - t) + y * t");
  ASSERT_EQ(sum.size(), 2u);
  EXPECT_EQ(to_string(sum.parts()[1].loss), "formula: abs(y - t) + y * t");
}

TEST(LossSum, ParenthesesDistributeTheWeight) {
  EXPECT_EQ(to_string(parse_loss_sum("0.5*(mse + 4*l1) + huber")), "0.5*mse + 2*l1 + huber");
}

TEST(LossSum, IsBuiltByOperators) {
  const LossSum sum = 0.7 * CrossEntropy{} + 0.3 * Focal{.gamma = 3};
  EXPECT_EQ(to_string(sum), "0.7*cross_entropy + 0.3*focal:gamma=3");
  const PartWeight later{.schedule = WeightSchedule{.ramp = Ramp::step, .epochs = 5}};
  EXPECT_EQ(to_string(CrossEntropy{} + later * Focal{}), "cross_entropy + step(0,1,epochs=5)*focal");
  EXPECT_EQ(to_string(2.0 * sum), "1.4*cross_entropy + 0.6*focal:gamma=3");
}

TEST(LossSum, SchedulesGoFromOneValueToTheOther) {
  const auto weight = [](const char* text, std::int64_t epoch) {
    const LossSum sum = parse_loss_sum(text);
    return sum.parts()[0].weight.at(epoch);
  };
  for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
    const double share = static_cast<double>(epoch) / 4;
    const double linear = epoch < 4 ? 2 - 1.5 * share : 0.5;
    const double cosine = epoch < 4 ? 1.25 + 0.75 * std::cos(std::numbers::pi * share) : 0.5;
    EXPECT_NEAR(weight("linear(2,0.5,epochs=4)*mse", epoch), linear, 1e-15);
    EXPECT_NEAR(weight("3*cosine(2,0.5,epochs=4)*mse", epoch), 3 * cosine, 1e-15);
    EXPECT_EQ(weight("step(2,0.5,epochs=4)*mse", epoch), epoch < 4 ? 2 : 0.5);
  }
}

TEST(LossSum, PartsReadTheSamePredictionAndTarget) {
  for (const char* text : {"cross_entropy + dice", "binary_cross_entropy_with_logits + dice:multilabel=true",
                           "mse + l1", "balanced_softmax + ldam", "mse + (formula: y^2)", "kl_div + js_div",
                           "dice + lovasz", "0.85*ssim + 0.15*l1", "quantile:q=0.1/0.9 + quantile:q=0.1/0.9"}) {
    EXPECT_EQ(refusal_of(text), "nothing was thrown") << text;
  }
  EXPECT_REFUSAL("binary_cross_entropy + binary_cross_entropy_with_logits",
                 "the input of binary_cross_entropy: probab");
  EXPECT_REFUSAL("cross_entropy + balanced_softmax", "balanced_softmax takes input, target, class_counts");
  EXPECT_REFUSAL("cross_entropy + mse", "the input of cross_entropy: logits; of mse: ");
  EXPECT_REFUSAL("cross_entropy + (formula: abs(y - t))", "one loss per");
  EXPECT_REFUSAL("mse + dice", "; of dice: logits");
  EXPECT_REFUSAL("cross_entropy + dice + binary_cross_entropy_with_logits",
                 "cross_entropy + binary_cross_entropy_with_logits: the parts do not read the same");
  EXPECT_REFUSAL("poisson_nll + poisson_nll:log_input=false", "log_input");
  EXPECT_REFUSAL("kl_div + kl_div:log_target=true", "log_target");
  EXPECT_REFUSAL("quantile:q=0.1/0.9 + quantile:q=0.2/0.9", "levels");
  EXPECT_REFUSAL("ssim + crps_ensemble", "ssim has one loss per image, but crps_ensemble one per row");
  EXPECT_REFUSAL("mse + gaussian_nll", "gaussian_nll takes input, target, var");
}

TEST(LossSum, PartsAreSubtracted) {
  EXPECT_EQ(to_string(parse_loss_sum("mse - 0.1*l1")), "mse + -0.1*l1");
  EXPECT_EQ(to_string(parse_loss_sum("mse -0.1*l1")), "mse + -0.1*l1");
  EXPECT_EQ(to_string(parse_loss_sum("-0.5*mse - 2*(l1 - huber:delta=2)")), "-0.5*mse + -2*l1 + 2*huber:delta=2");
  EXPECT_EQ(to_string(parse_loss_sum("(formula: abs(y - t)) - mse")),
            to_string(parse_loss_sum("(formula: abs(y - t)) + -1*mse")));
  // Minus signs of numbers
  EXPECT_EQ(to_string(parse_loss_sum("cross_entropy:ignore_index=-1 + 1e-3*focal")),
            to_string(parse_loss_sum("cross_entropy:ignore_index=-1 + 0.001*focal")));
  EXPECT_EQ(to_string(parse_loss_sum("l1 + -1e-3*mse")), "l1 + -0.001*mse");
}

TEST(LossSum, SpacesAreAllowedInSchedules) {
  EXPECT_EQ(to_string(parse_loss_sum("linear( 0, 1, epochs = 3 ) * mse + l1")), "linear(0,1,epochs=3)*mse + l1");
}

TEST(LossSum, ErrorsNameWhatWasGiven) {
  EXPECT_REFUSAL("0.7*cross_entropi + focal", "did you mean 'cross_entropy'");
  EXPECT_REFUSAL("cross_entropy*0.7", "the factor 'cross_entropy' is not known");
  EXPECT_REFUSAL("huber:delta=2*3", "a factor follows the loss");
  EXPECT_REFUSAL("mse -", "no loss follows the last '-'");
  EXPECT_REFUSAL("0.5 - mse", "unknown loss '0.5'");
  EXPECT_REFUSAL("mse - learned*l1", "not above 0");
  EXPECT_REFUSAL("huber:delta=2, + l1", "no option follows the last comma");
  EXPECT_REFUSAL("mse +", "no loss follows the last '+'");
  EXPECT_REFUSAL("+ mse", "a loss is missing");
  EXPECT_REFUSAL("0.5*", "a loss is missing");
  EXPECT_REFUSAL("nan*mse", "not finite");
  EXPECT_REFUSAL("0.5*(mse + l1", "a parenthesis is not closed");
  EXPECT_REFUSAL("(mse + l1) huber", "'huber' is not expected");
  EXPECT_REFUSAL("linear(0,1)*mse", "linear(FROM,TO,epochs=N)");
  EXPECT_REFUSAL("linear(0,1,epochs=0)*mse", "epochs=0 (valid: above 0)");
  EXPECT_REFUSAL("linaer(0,1,epochs=2)*mse", "did you mean 'linear'");
  EXPECT_REFUSAL("linear(0,1,epochs=2) mse", "'*' is missing");
  EXPECT_REFUSAL("linear(0,1,epochs=2)*step(0,1,epochs=2)*mse", "two schedules");
  EXPECT_REFUSAL("learned*learned*mse", "two learned factors");
  EXPECT_REFUSAL("-1*learned*mse", "not above 0");
  EXPECT_REFUSAL("linear(0,1,epochs=2)*learned*mse", "not above 0");
}

}  // namespace
}  // namespace perdita
