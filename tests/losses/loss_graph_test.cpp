// Formulas of losses as graphs: for readers and for execution, next to the losses on numbers.
#include "perdita/losses/loss_graph.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "expr/reference.hpp"
#include "losses/samples.hpp"
#include "perdita/core/error.hpp"

namespace perdita {
namespace {

using testing::Real;

constexpr double infinite = std::numeric_limits<double>::infinity();

void expect_near(double found, double expected, double tolerance) {
  EXPECT_NEAR(found, expected, tolerance * std::max(1.0, std::abs(expected)));
}

template <class Loss>
void compare(const Loss& loss, FormulaFor use, double y, double t) {
  constexpr int operands = std::is_invocable_v<const Loss&, Real, Real> ? 2 : 1;
  const LossGraph graph = loss_graph({.loss = loss}, operands, use);
  const double inputs[] = {y, t};
  expect_near(test::reference(graph.value, inputs), testing::value_at(loss, y, t), 1e-12);
  ASSERT_EQ(graph.derivatives.size(), static_cast<std::size_t>(operands));
  expect_near(test::reference(graph.derivatives[0], inputs), testing::slope_at(loss, y, t), 1e-10);
}

TEST(LossGraph, IsTheLossOfElements) {
  std::mt19937 random(7);
  for_each_elementwise_loss([&]<class Loss>(const Loss& loss) {
    SCOPED_TRACE(Loss::info.name);
    for (int i = 0; i < 50; ++i) {
      const double y = testing::draw_input(loss, random), t = testing::draw_target(loss, random);
      SCOPED_TRACE(fmt::format("y = {}, t = {}", y, t));
      compare(loss, FormulaFor::execution, y, t);
      compare(loss, FormulaFor::readers, y, t);
    }
  });
}

// Where the textbook form is 0 * inf.
TEST(LossGraph, ToBeExecutedHasTheLimits) {
  const double confident[] = {infinite, 1.0}, wrong[] = {-infinite, 1.0};
  for (const char* text : {"binary_cross_entropy_with_logits", "binary_focal", "binary_focal:gamma=0.5"}) {
    SCOPED_TRACE(text);
    const LossGraph graph = loss_graph(parse_loss(text), 2, FormulaFor::execution);
    EXPECT_EQ(test::reference(graph.value, confident), 0.0);
    EXPECT_EQ(test::reference(graph.value, wrong), infinite);
  }
}

TEST(LossGraph, KnowsOperandsAndClasses) {
  EXPECT_EQ(loss_graph(parse_loss("gaussian_nll"), 3, FormulaFor::execution).derivatives.size(), 3U);
  EXPECT_EQ(loss_graph(parse_loss("binary_cross_entropy_with_logits"), 3, FormulaFor::execution).derivatives.size(),
            3U);
  EXPECT_THROW(loss_graph(parse_loss("mse"), 3, FormulaFor::execution), ValueError);
  EXPECT_THROW(loss_graph(parse_loss("ctc"), 2, FormulaFor::execution), ValueError);
  EXPECT_TRUE(loss_graph(parse_loss("focal"), 2, FormulaFor::execution).of_true_class);
  EXPECT_TRUE(loss_graph(parse_loss("formula: -t * log_p"), 2, FormulaFor::execution).of_true_class);
  EXPECT_FALSE(loss_graph(parse_loss("formula: (p - t)^2"), 2, FormulaFor::execution).of_true_class);
  EXPECT_TRUE(loss_graph(parse_loss("formula: (y - t)^2"), 2, FormulaFor::execution).derivatives.empty());
}

TEST(LogitAdjustment, IsThatOfTheLoss) {
  const double of_class[] = {5.0, 100.0, 2.0};  // count, total, smallest
  const LogitAdjustment adjusted = logit_adjustment(parse_loss("logit_adjusted:tau=0.5"));
  EXPECT_DOUBLE_EQ(test::reference(adjusted.shift, of_class), 0.5 * std::log(0.05));
  EXPECT_EQ(adjusted.scale, 1.0);
  const LogitAdjustment ldam = logit_adjustment(parse_loss("ldam:max_margin=0.4,scale=3"));
  EXPECT_DOUBLE_EQ(test::reference(ldam.margin, of_class), 0.4 * std::pow(2.0 / 5.0, 0.25));
  EXPECT_EQ(ldam.scale, 3.0);
  EXPECT_TRUE(logit_adjustment(parse_loss("cross_entropy")).shift.is_constant(0.0));
}

}  // namespace
}  // namespace perdita
