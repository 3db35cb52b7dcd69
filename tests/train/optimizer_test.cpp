// Optimizers by name: text to options and back, and the rule that results.
#include "perdita/train/optimizer.hpp"

#include <gtest/gtest.h>

#include "perdita/core/error.hpp"
#include "perdita/optim/sgd.hpp"

namespace perdita::train {
namespace {

TEST(OptimizerText, IsCanonical) {
  const auto with = [](std::string_view text, std::string_view name, std::string_view value) {
    OptimizerSpec spec = parse_optimizer(text);
    set_parameter(spec, name, value);
    return to_string(spec);
  };
  EXPECT_EQ(to_string(parse_optimizer("sgd:nesterov=true,momentum=.9")), "sgd:momentum=0.9,nesterov=yes");
  EXPECT_EQ(to_string(parse_optimizer("adam:")), "adam");
  EXPECT_EQ(to_string(OptimizerSpec{}), "adam");
  EXPECT_EQ(with("sgd:momentum=0.5", "momentum", "0.9"), "sgd:momentum=0.9");
  EXPECT_EQ(with("adamw", "weight_decay", "0"), "adamw:weight_decay=0");
  EXPECT_EQ(with("sgd", "momentum", "0"), "sgd:momentum=0");  // what was stated is shown
}

TEST(OptimizerText, WrongOnesAreRefused) {
  for (std::string_view wrong : {"", "SGD", "sgd:lr=1", "sgd:momentum", "sgd:momentum=", "sgd:momentum=-1",
                                 "sgd:momentum=0.9,momentum=0.8", "adam:beta1=1", "adamw:amsgrad=perhaps"}) {
    EXPECT_THROW(parse_optimizer(wrong), ValueError) << wrong;
  }
}

TEST(OptimizerText, ErrorsNameWhatIsValid) {
  const auto message = [](std::string_view text) {
    try {
      parse_optimizer(text);
      return std::string("accepted");
    } catch (const ValueError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message("adan"), "unknown optimizer 'adan' (valid: sgd, adam, adamw); did you mean 'adam'?");
  EXPECT_EQ(message("sgd:momentun=1"),
            "optimizer sgd has no option 'momentun' (valid: momentum, dampening, weight_decay, nesterov; the learning "
            "rate is --lr); did you mean 'momentum'?");
  EXPECT_EQ(message("adam:beta2=1"), "optimizer adam: beta2: got '1' (valid: 0 or more, below 1)");
  EXPECT_EQ(message("adamw:amsgrad=maybe"), "optimizer adamw: amsgrad: got 'maybe' (valid: yes, no)");
  EXPECT_EQ(message("sgd:nesterov=yes"),
            "SGD: nesterov is used with momentum 0 and dampening 0 (valid: momentum above 0, dampening 0)");
}

TEST(OptimizerText, EveryParameterIsDescribedWithItsDefault) {
  const std::vector<std::string> lines = describe_optimizers();
  const auto line = [&](std::string_view begin) {
    for (const std::string& each : lines) {
      if (each.starts_with(begin)) return each;
    }
    return std::string();
  };
  EXPECT_EQ(lines.size(), 3u + 4 + 5 + 5);
  EXPECT_EQ(lines.front(), "sgd:");
  EXPECT_EQ(line("  momentum: "), "  momentum: momentum factor (default 0, valid: 0 or more)");
  EXPECT_TRUE(line("  eps: ").ends_with("(default 1e-08, valid: 0 or more)"));
  EXPECT_TRUE(line("  nesterov: ").ends_with("(default no, valid: yes, no)"));
}

TEST(OptimizerText, DefaultRateShrinksWithMomentum) {
  EXPECT_EQ(default_lr(parse_optimizer("sgd")), 0.1);
  EXPECT_EQ(default_lr(parse_optimizer("sgd:momentum=0.9")), 0.01);
  EXPECT_EQ(default_lr(parse_optimizer("sgd:momentum=0.9,nesterov=yes")), 0.01);
  EXPECT_EQ(default_lr(parse_optimizer("adam")), 0.001);
}

// Against updates worked out by hand from the rules in the optimizers' papers.
TEST(OptimizerText, MakesTheRuleItNames) {
  const auto after_two_steps = [](std::string_view text) {
    Tensor parameter = Tensor::full({1}, 1.0);
    parameter.set_requires_grad();
    const auto optimizer = make_optimizer(parse_optimizer(text), 0.1, {parameter});
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
