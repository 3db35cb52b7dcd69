// Optimizers by name: text to options and back, and the rule that results.
#include "perdita/train/optimizer.hpp"

#include <gtest/gtest.h>

#include "perdita/core/error.hpp"
#include "perdita/optim/sgd.hpp"

namespace perdita::train {
namespace {

TEST(OptimizerText, IsCanonical) {
  EXPECT_EQ(check_optimizer("sgd:nesterov=true,momentum=.9"), "sgd:momentum=0.9,nesterov=yes");
  EXPECT_EQ(check_optimizer("adam:"), "adam");
  EXPECT_EQ(with_option("sgd:momentum=0.5", "momentum", "0.9"), "sgd:momentum=0.9");
  EXPECT_EQ(with_option("adamw", "weight_decay", "0"), "adamw:weight_decay=0");
}

TEST(OptimizerText, WrongOnesAreRefused) {
  for (std::string_view wrong : {"", "SGD", "sgd:lr=1", "sgd:momentum", "sgd:momentum=", "sgd:momentum=-1",
                                 "sgd:momentum=0.9,momentum=0.8", "adam:beta1=1", "adamw:amsgrad=perhaps"}) {
    EXPECT_THROW(check_optimizer(wrong), ValueError) << wrong;
  }
}

TEST(OptimizerText, DefaultRateShrinksWithMomentum) {
  EXPECT_EQ(default_lr("sgd"), 0.1);
  EXPECT_EQ(default_lr("sgd:momentum=0.9"), 0.01);
  EXPECT_EQ(default_lr("sgd:momentum=0.9,nesterov=yes"), 0.01);
  EXPECT_EQ(default_lr("adam"), 0.001);
}

// Against updates worked out by hand from the rules in the optimizers' papers.
TEST(OptimizerText, MakesTheRuleItNames) {
  const auto after_two_steps = [](std::string_view text) {
    Tensor parameter = Tensor::full({1}, 1.0);
    parameter.set_requires_grad();
    const auto optimizer = make_optimizer(text, 0.1, {parameter});
    for (int step = 0; step < 2; ++step) {
      optimizer->zero_grad();
      sum(2.0 * parameter).backward();  // a gradient of 2
      optimizer->step();
    }
    return parameter.item();
  };
  EXPECT_NEAR(after_two_steps("sgd"), 1 - 0.2 - 0.2, 1e-6);
  EXPECT_NEAR(after_two_steps("sgd:momentum=0.5"), 1 - 0.2 - 0.3, 1e-6);
  EXPECT_NEAR(after_two_steps("sgd:momentum=0.5,nesterov=yes"), 1 - 0.3 - 0.35, 1e-6);
  EXPECT_NEAR(after_two_steps("adam"), 1 - 0.1 - 0.1, 1e-6);
  EXPECT_NEAR(after_two_steps("adamw:weight_decay=0.5"), (0.95 - 0.1) * 0.95 - 0.1, 1e-6);
}

}  // namespace
}  // namespace perdita::train
