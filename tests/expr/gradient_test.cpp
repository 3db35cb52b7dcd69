#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "perdita/core/error.hpp"
#include "perdita/expr/expr.hpp"
#include "perdita/math/dual.hpp"
#include "tests/expr/random.hpp"
#include "tests/expr/reference.hpp"

namespace perdita {
namespace {

using Number = Pack<double, 1>;
using DualNumber = Dual<Number>;

DualNumber truth(bool value) { return {Number(value ? 1.0 : 0.0), Number(0.0)}; }
bool is_true(const DualNumber& a) { return a.v[0] != 0.0; }
Mask<double, 1> as_mask_of(const DualNumber& a) { return a.v != Number(0.0); }

DualNumber forward(const Expr& node, const DualNumber& a, const DualNumber& b, const DualNumber& c) {
  switch (node.op()) {
    case Op::negate:
      return -a;
#define PERDITA_CASE(name) \
  case Op::name:           \
    return name(a);
      // clang-format off
    PERDITA_CASE(abs) PERDITA_CASE(square) PERDITA_CASE(sqrt) PERDITA_CASE(exp) PERDITA_CASE(expm1) PERDITA_CASE(log)
    PERDITA_CASE(log1p) PERDITA_CASE(sigmoid) PERDITA_CASE(log_sigmoid) PERDITA_CASE(softplus) PERDITA_CASE(tanh)
    PERDITA_CASE(log_cosh) PERDITA_CASE(erf) PERDITA_CASE(lgamma) PERDITA_CASE(digamma) PERDITA_CASE(sign)
    PERDITA_CASE(expm1_minus_x) PERDITA_CASE(log1p_minus_x)
      // clang-format on
#undef PERDITA_CASE
#define PERDITA_CASE(name) \
  case Op::name:           \
    return name(a, b);
          // clang-format off
    PERDITA_CASE(min) PERDITA_CASE(max) PERDITA_CASE(clamp_min) PERDITA_CASE(clamp_max) PERDITA_CASE(xlogy)
    PERDITA_CASE(log_ratio) PERDITA_CASE(hypot) PERDITA_CASE(flip_sign)
#undef PERDITA_CASE
    case Op::add:
      return a + b;
    // clang-format on
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::pow:
      return node.operand(1).op() == Op::constant ? pow(a, b.v[0]) : pow(a, b);
    case Op::zero_unless:
      return zero_unless(as_mask_of(a), b);
    case Op::select:
      return select(as_mask_of(a), b, c);
    case Op::less:
      return truth(a.v[0] < b.v[0]);
    case Op::less_equal:
      return truth(a.v[0] <= b.v[0]);
    case Op::greater:
      return truth(a.v[0] > b.v[0]);
    case Op::greater_equal:
      return truth(a.v[0] >= b.v[0]);
    case Op::equal:
      return truth(a.v[0] == b.v[0]);
    case Op::not_equal:
      return truth(a.v[0] != b.v[0]);
    case Op::logical_and:
      return truth(is_true(a) && is_true(b));
    case Op::logical_or:
      return truth(is_true(a) || is_true(b));
    case Op::logical_not:
      return truth(!is_true(a));
    default:
      ADD_FAILURE() << name_of(node.op());
      return a;
  }
}

/// The formula's value and its derivative to one input, carried forward through the graph.
DualNumber forward(const Expr& root, std::span<const double> at, int wrt) {
  const ExprOrder order(std::span(&root, 1));
  std::vector<DualNumber> values;
  for (int i = 0; i < order.size(); ++i) {
    const Expr& node = order[i];
    if (node.op() == Op::constant) {
      values.push_back({Number(node.value()), Number(0.0)});
    } else if (node.op() == Op::input) {
      values.push_back({Number(at[static_cast<std::size_t>(node.index())]), Number(node.index() == wrt ? 1.0 : 0.0)});
    } else {
      std::array<DualNumber, 3> operand{truth(false), truth(false), truth(false)};
      for (int k = 0; k < arity(node.op()); ++k) {
        operand[static_cast<std::size_t>(k)] = values[static_cast<std::size_t>(order.position(node.operand(k)))];
      }
      values.push_back(forward(node, operand[0], operand[1], operand[2]));
    }
  }
  return values.back();
}

const Expr a = Expr::input(0, "a"), b = Expr::input(1, "b"), c = Expr::input(2, "c");
const std::vector<Expr> inputs = {a, b, c};

std::vector<double> random_point(std::uint64_t seed) {
  const Philox random(seed, 1);
  return {2 * random.normal(0), 2 * random.normal(1), 2 * random.normal(2)};
}

// Reverse accumulation must give what forward accumulation gives, whatever is shared.
TEST(ExprGradient, ReverseEqualsForward) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Expr formula = test::random_formula(seed, 12);
    const std::vector<double> at = random_point(seed);
    const std::vector<Expr> slopes = gradient(formula, 1.0, inputs);
    for (int k = 0; k < 3; ++k) {
      const double expected = forward(formula, at, k).d[0];
      const double got = test::reference(slopes[static_cast<std::size_t>(k)], at);
      ASSERT_NEAR(got, expected, 1e-9 * (1.0 + std::fabs(expected)))
          << "seed " << seed << ", input " << k << ": " << to_text(formula);
    }
  }
}

TEST(ExprGradient, MatchesFiniteDifferences) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Expr formula = test::random_formula(seed, 8);
    const std::vector<double> at = random_point(seed);
    const std::vector<Expr> slopes = gradient(formula, 1.0, inputs);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto difference = [&](double step) {
        std::vector<double> up = at, down = at;
        up[k] += step;
        down[k] -= step;
        return (test::reference(formula, up) - test::reference(formula, down)) / (2 * step);
      };
      const double coarse = difference(2e-5), fine = difference(1e-5);
      if (!(std::fabs(coarse - fine) < 1e-6 * (1.0 + std::fabs(fine)))) continue;  // a kink is near
      ++compared;
      ASSERT_NEAR(test::reference(slopes[k], at), fine, 1e-5 * (1.0 + std::fabs(fine)))
          << "seed " << seed << ", input " << k << ": " << to_text(formula);
    }
  }
  EXPECT_GT(compared, 4000);
}

TEST(ExprGradient, CanBeDifferentiatedAgain) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Expr formula = test::random_formula(seed, 4);
    const std::vector<double> at = random_point(seed);
    const Expr slope = gradient(formula, 1.0, inputs)[0];
    Expr curvature = 0.0;
    try {
      curvature = gradient(slope, 1.0, inputs)[0];
    } catch (const GraphError&) {
      continue;  // digamma twice
    }
    const auto difference = [&](double step) {
      std::vector<double> up = at, down = at;
      up[0] += step;
      down[0] -= step;
      return (test::reference(slope, up) - test::reference(slope, down)) / (2 * step);
    };
    const double coarse = difference(2e-5), fine = difference(1e-5);
    if (!(std::fabs(coarse - fine) < 1e-6 * (1.0 + std::fabs(fine)))) continue;
    ++compared;
    ASSERT_NEAR(test::reference(curvature, at), fine, 1e-5 * (1.0 + std::fabs(fine))) << "seed " << seed;
  }
  EXPECT_GT(compared, 250);
}

double slope_at(const Expr& formula, double at, double upstream = 1.0) {
  return test::reference(gradient(formula, upstream, std::span(&a, 1))[0], std::vector{at, 1.0, 1.0});
}

TEST(ExprGradient, KinksAreThoseOfPyTorch) {
  EXPECT_EQ(slope_at(abs(a), 0.0), 0.0);
  EXPECT_EQ(slope_at(max(a, 0.0), 0.0), 0.5);
  EXPECT_EQ(slope_at(min(a, 0.0), 0.0), 0.5);
  EXPECT_EQ(slope_at(clamp_min(a, 0.0), 0.0), 0.0);
  EXPECT_EQ(slope_at(clamp_max(a, 0.0), 0.0), 0.0);
  EXPECT_EQ(slope_at(sign(a), 0.0), 0.0);
}

// An infinite or NaN gradient that arrives at a branch not taken stops there.
TEST(ExprGradient, BranchesNotTakenGetZero) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(slope_at(select(a > 0.0, 1.0, a), 2.0, inf), 0.0);
  EXPECT_EQ(slope_at(zero_unless(a > 0.0, a), -2.0, inf), 0.0);
  EXPECT_EQ(slope_at(clamp_min(a, 0.0), -2.0, inf), 0.0);
}

// Nor does an infinite derivative below it make NaN of that zero.
TEST(ExprGradient, BranchesNotTakenMayBeSteep) {
  EXPECT_EQ(slope_at(select(a == 0.0, 0.0, a * log(a)), 0.0), 0.0);
  EXPECT_EQ(slope_at(select(a == 0.0, 0.0, pow(a, 0.5)), 0.0), 0.0);
  EXPECT_EQ(slope_at(select(a > 0.0, sqrt(a), a), 0.0), 1.0);
  EXPECT_EQ(slope_at(zero_unless(a > 0.0, 1.0 / a), 0.0), 0.0);
  EXPECT_EQ(slope_at(max(log(a), -100.0), 0.0), 0.0);
  // Elsewhere it is what it is.
  EXPECT_EQ(slope_at(select(a > 0.0, sqrt(a), a), 4.0), 0.25);
  EXPECT_EQ(slope_at(sqrt(a), 0.0), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(slope_at(select(a > 0.0, 1.0, a * log(a)), std::numeric_limits<double>::quiet_NaN())));
}

TEST(ExprGradient, IsZeroWhereNothingDepends) {
  EXPECT_TRUE(gradient(b * b, 1.0, std::span(&a, 1))[0].is_constant(0.0));
  EXPECT_TRUE(gradient(a < b, 1.0, std::span(&a, 1))[0].is_constant(0.0));
  EXPECT_TRUE(gradient(a * b, 0.0, std::span(&a, 1))[0].is_constant(0.0));
  EXPECT_TRUE(gradient(Expr(3.0), 1.0, std::span(&a, 1))[0].is_constant(0.0));
}

TEST(ExprGradient, UpstreamMultiplies) {
  const Expr slope = gradient(exp(a), c, std::span(&a, 1))[0];
  EXPECT_DOUBLE_EQ(test::reference(slope, std::vector{0.5, 0.0, 3.0}), 3.0 * std::exp(0.5));
}

TEST(ExprGradient, GoesToInnerNodesAndToInputsMadeTwice) {
  const Expr inner = exp(a), formula = inner * inner + Expr::input(0, "a");
  const std::vector<Expr> wrt = {inner, Expr::input(0, "again"), formula};
  const std::vector<Expr> slopes = gradient(formula, 1.0, wrt);
  const std::vector<double> at{0.5};
  EXPECT_DOUBLE_EQ(test::reference(slopes[0], at), 2 * std::exp(0.5));
  EXPECT_DOUBLE_EQ(test::reference(slopes[1], at), 2 * std::exp(1.0) + 1.0);
  EXPECT_TRUE(slopes[2].is_constant(1.0));
}

TEST(ExprGradient, SaysWhatHasNoDerivative) {
  EXPECT_THROW(gradient(trigamma(a), 1.0, std::span(&a, 1)), GraphError);
  EXPECT_TRUE(gradient(trigamma(b) + a, 1.0, std::span(&a, 1))[0].is_constant(1.0));
}

}  // namespace
}  // namespace perdita
