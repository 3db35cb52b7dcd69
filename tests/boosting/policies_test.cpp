// The policies for the Hessian, by their definitions.
#include <gtest/gtest.h>

#include <cmath>

#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/boosting/link.hpp"
#include "perdita/core/error.hpp"

namespace perdita::boosting {
namespace {

/// The Hessian at one score.
double hessian(const char* loss, Hessian policy, double y, double t) {
  double g = 0, h = 0;
  element_pairs<double, double>(parse_loss(loss), {{&y}, {&t}, {}, {&g}, {&h}, 1}, {policy});
  return h;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Hessian, OfCrossEntropyIsItsGaussNewtonPart) {
  for (const double y : {-5.0, -1.0, 0.0, 0.3, 4.0}) {
    for (const double t : {0.0, 1.0, 0.25}) {
      const double p = sigmoid(y), expected = p * (1 - p);
      EXPECT_NEAR(hessian("binary_cross_entropy_with_logits", Hessian::exact, y, t), expected, 1e-14);
      EXPECT_NEAR(hessian("binary_cross_entropy_with_logits", Hessian::gauss_newton, y, t), expected, 1e-14);
      EXPECT_NEAR(hessian("binary_cross_entropy_with_logits", Hessian::bound, y, t), 2 * expected, 1e-14);
      EXPECT_NEAR(hessian("binary_cross_entropy_with_logits", Hessian::residual, y, t), std::abs(p - t), 1e-14);
    }
  }
  EXPECT_NEAR(hessian("soft_margin", Hessian::gauss_newton, 2, -1), sigmoid(2) * sigmoid(-2), 1e-14);
}

TEST(Hessian, OfFocalIsPositiveWhereTheExactOneIsNot) {
  EXPECT_EQ(hessian("binary_focal", Hessian::exact, -4, 1), 1e-16);
  EXPECT_GT(hessian("binary_focal", Hessian::gauss_newton, -4, 1), 1e-3);
}

TEST(Hessian, OfLogarithmsOfMeans) {
  EXPECT_NEAR(hessian("poisson_nll", Hessian::exact, 0.5, 2), std::exp(0.5), 1e-14);
  EXPECT_NEAR(hessian("poisson_nll", Hessian::bound, 0.5, 2), std::exp(1.2), 1e-14);
  EXPECT_NEAR(hessian("gamma_nll", Hessian::exact, 0.5, 2), 2 * std::exp(-0.5), 1e-14);
  EXPECT_NEAR(hessian("gamma_nll", Hessian::gauss_newton, 0.5, 2), 1, 1e-14);
  EXPECT_NEAR(hessian("gamma_nll", Hessian::bound, 0.5, 2), 2 * std::exp(0.2), 1e-14);
  EXPECT_NEAR(hessian("tweedie:power=1.5", Hessian::gauss_newton, 0.5, 2), std::exp(0.25), 1e-14);
}

TEST(Hessian, OfValuesIsBoundedByTheSecant) {
  EXPECT_EQ(hessian("mse", Hessian::bound, 3, 1), 2);
  EXPECT_EQ(hessian("mse", Hessian::bound, 1, 1), 2);
  EXPECT_EQ(hessian("huber:delta=2", Hessian::bound, 9, 1), 0.25);
  EXPECT_NEAR(hessian("log_cosh", Hessian::bound, 9, 1), std::tanh(8.0) / 8, 1e-14);
  EXPECT_EQ(hessian("quantile", Hessian::automatic, 9, 1), 1);
}

TEST(Hessian, AutomaticIsDocumented) {
  const auto policy = [](const char* loss, bool is_one_score = false) {
    return name_of(resolve(Hessian::automatic, parse_loss(loss), is_one_score));
  };
  EXPECT_EQ(policy("mse"), "bound");
  EXPECT_EQ(policy("l1"), "ones");
  EXPECT_EQ(policy("poisson_nll"), "exact");
  EXPECT_EQ(policy("binary_cross_entropy_with_logits"), "exact");
  EXPECT_EQ(policy("binary_focal"), "gauss_newton");
  EXPECT_EQ(policy("focal"), "bound");
  EXPECT_EQ(policy("focal", true), "gauss_newton");
  EXPECT_EQ(policy("cross_entropy", true), "exact");
  EXPECT_EQ(policy("formula: (y - t)^2"), "exact");
  for (const char* name : {"auto", "exact", "gauss_newton", "bound", "friedman", "residual", "ones"})
    EXPECT_EQ(name_of(parse_hessian(name)), name);
  EXPECT_THROW(parse_hessian("newton"), ValueError);
}

TEST(Link, FollowsFromTheMeaningOfTheScore) {
  EXPECT_EQ(link_of(parse_loss("mse")), Link::identity);
  EXPECT_EQ(link_of(parse_loss("poisson_nll")), Link::exponential);
  EXPECT_EQ(link_of(parse_loss("poisson_nll:log_input=false")), Link::identity);
  EXPECT_EQ(link_of(parse_loss("asymmetric")), Link::sigmoid);
  EXPECT_EQ(link_of(parse_loss("focal")), Link::softmax);
  EXPECT_EQ(link_of(parse_loss("focal"), true), Link::sigmoid);
  EXPECT_THROW(link_of(parse_loss("dice")), ValueError);
}

}  // namespace
}  // namespace perdita::boosting
