#include "perdita/expr/expr.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <type_traits>

#include "perdita/core/error.hpp"
#include "perdita/math/dual.hpp"
#include "tests/expr/reference.hpp"

namespace perdita {
namespace {

const Expr y = Expr::input(0, "y"), t = Expr::input(1, "t");
constexpr double inf = std::numeric_limits<double>::infinity();

TEST(Expr, AFormulaReturnsItsGraph) {
  const auto huber = [](auto a, auto b) {
    auto r = abs(a - b);
    auto q = min(r, 2.0);
    return q * (r - 0.5 * q);
  };
  const Expr graph = huber(y, t);
  for (double at : {-5.0, -1.0, 0.0, 0.5, 3.0}) {
    const double r = std::fabs(at - 1.0), q = std::fmin(r, 2.0);
    EXPECT_EQ(test::reference(graph, std::vector{at, 1.0}), q * (r - 0.5 * q));
  }
}

// A number type as any other: value and slope from one call, and the slope's slope.
TEST(Expr, CarriesDuals) {
  const auto cube = [](auto a) { return a * a * a; };
  const auto first = cube(Dual<Expr>{y, 1.0});
  const auto second = cube(Dual<Dual<Expr>>{{y, 1.0}, {1.0, 0.0}});
  const std::vector at{1.5};
  EXPECT_DOUBLE_EQ(test::reference(first.v, at), 1.5 * 1.5 * 1.5);
  EXPECT_DOUBLE_EQ(test::reference(first.d, at), 3 * 1.5 * 1.5);
  EXPECT_DOUBLE_EQ(test::reference(second.d.d, at), 6 * 1.5);
}

TEST(Expr, EveryFunctionFoldsConstantsAsTheLibraryWould) {
  const std::vector<double> points = {-2.5, -0.7, 0.0, 0.3, 1.0, 4.5};
#define PERDITA_CHECK(name)                                                                            \
  for (double a : points) {                                                                            \
    if (a <= 0.0 && (Op::name == Op::digamma || Op::name == Op::trigamma)) continue;                   \
    const Expr folded = name(Expr(a));                                                                 \
    ASSERT_EQ(folded.op(), Op::constant);                                                              \
    const double expected = test::reference(Op::name, a);                                              \
    if (std::isfinite(expected)) {                                                                     \
      EXPECT_NEAR(folded.value(), expected, 1e-12 * (1.0 + std::fabs(expected))) << #name << " " << a; \
    } else {                                                                                           \
      EXPECT_EQ(std::isnan(folded.value()), std::isnan(expected)) << #name << " " << a;                \
    }                                                                                                  \
  }
  PERDITA_UNARY_FUNCTIONS(PERDITA_CHECK)
#undef PERDITA_CHECK
#define PERDITA_CHECK(name)                                                                            \
  for (double a : points)                                                                              \
    for (double b : points) {                                                                          \
      const Expr folded = name(Expr(a), Expr(b));                                                      \
      ASSERT_EQ(folded.op(), Op::constant);                                                            \
      const double expected = test::reference(Op::name, a, b);                                         \
      if (std::isfinite(expected)) {                                                                   \
        EXPECT_NEAR(folded.value(), expected, 1e-12 * (1.0 + std::fabs(expected))) << #name << a << b; \
      }                                                                                                \
    }
  PERDITA_BINARY_FUNCTIONS(PERDITA_CHECK)
#undef PERDITA_CHECK
}

TEST(Expr, OperatorsFold) {
  const Expr two = 2.0, three = 3.0, no = 0.0;
  const auto value = [](const Expr& e) { return e.op() == Op::constant ? e.value() : -99.0; };
  EXPECT_EQ(value(two + three), 5.0);
  EXPECT_EQ(value(two - three), -1.0);
  EXPECT_EQ(value(two * three), 6.0);
  EXPECT_EQ(value(three / two), 1.5);
  EXPECT_EQ(value(-two), -2.0);
  EXPECT_EQ(value(two < three), 1.0);
  EXPECT_EQ(value(two >= three), 0.0);
  EXPECT_EQ(value(two == two), 1.0);
  EXPECT_EQ(value(two != two), 0.0);
  EXPECT_EQ(value(two & no), 0.0);
  EXPECT_EQ(value(two | no), 1.0);
  EXPECT_EQ(value(!three), 0.0);
  EXPECT_EQ(value(select(two, three, no)), 3.0);
  EXPECT_EQ(value(select(no, three, two)), 2.0);
  EXPECT_EQ(value(clamp(two, 2.5, three)), 2.5);
  EXPECT_EQ(value(copy_sign(two, -three)), -2.0);
}

TEST(Expr, SimplifiesWhereTheNumberIsTheSame) {
  const auto same = [](const Expr& a, const Expr& b) { return a.id() == b.id(); };
  EXPECT_TRUE(same(y + 0.0, y));
  EXPECT_TRUE(same(0.0 + y, y));
  EXPECT_TRUE(same(y - 0.0, y));
  EXPECT_TRUE(same(y * 1.0, y));
  EXPECT_TRUE(same(1.0 * y, y));
  EXPECT_TRUE(same(y / 1.0, y));
  EXPECT_TRUE(same(-(-y), y));
  EXPECT_TRUE(same(pow(y, 1.0), y));
  EXPECT_TRUE(same(select(t < 0.0, y, y), y));
  EXPECT_TRUE(same(select(t < 0.0, Expr(2.0), Expr(2.0)), Expr(2.0)) || select(t < 0.0, 2.0, 2.0).is_constant(2.0));
  EXPECT_TRUE(same(select(Expr(1.0), y, t), y));
  EXPECT_TRUE(same(min(y, y), y));
  EXPECT_EQ((y + -t).op(), Op::subtract);
  EXPECT_EQ((y - -t).op(), Op::add);
  EXPECT_EQ((y * -1.0).op(), Op::negate);
  EXPECT_EQ(pow(y, 2.0).op(), Op::square);
  EXPECT_TRUE(pow(y, 0.0).is_constant(1.0));
  EXPECT_TRUE(zero_unless(y < t, 0.0).is_constant(0.0));
}

// No simplification may change a number: all operations on all kinds of operands that the rules look for.
TEST(Expr, SimplificationsKeepTheNumber) {
  const Expr kinds[] = {y, -y, t, -t, y < t, !(y < t), Expr(0.0), Expr(1.0), Expr(-1.0), Expr(2.0), Expr(-0.75)};
  const std::vector<double> at{1.3, 0.6};
  const auto check = [&](Op op, const Expr& got, double a, double b, double c) {
    const double expected = test::reference(op, a, b, c), value = test::reference(got, at);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(value)) << name_of(op) << " " << a << " " << b << " " << c;
    else if (std::isinf(expected))
      EXPECT_EQ(std::fabs(value), inf) << name_of(op) << " " << a << " " << b << " " << c;
    else
      EXPECT_NEAR(value, expected, 1e-12) << name_of(op) << " " << a << " " << b << " " << c;
  };
  const auto value = [&](const Expr& e) { return test::reference(e, at); };
  for (const Expr& a : kinds) {
    for (Op op = Op::abs; op <= Op::logical_not; op = static_cast<Op>(static_cast<int>(op) + 1)) {
      const bool is_special = op == Op::lgamma || op == Op::digamma || op == Op::trigamma;
      if (!is_special || value(a) > 0.0) check(op, Expr::apply(op, a), value(a), 0, 0);
    }
    for (const Expr& b : kinds) {
      for (Op op = Op::min; op < Op::select; op = static_cast<Op>(static_cast<int>(op) + 1)) {
        check(op, Expr::apply(op, a, b), value(a), value(b), 0);
      }
      for (const Expr& c : kinds) check(Op::select, Expr::apply(Op::select, a, b, c), value(a), value(b), value(c));
    }
  }
}

TEST(Expr, ZeroTimesIsKeptBecauseOfInfinity) {
  EXPECT_TRUE(std::isnan(test::reference(y * 0.0, std::vector{inf})));
  EXPECT_TRUE(std::isnan(test::reference(0.0 * y, std::vector{inf})));
  EXPECT_TRUE(std::isnan(test::reference(y - y, std::vector{inf})));
}

TEST(Expr, ConstantConditionsMayNotBeNumbersOnly) {
  EXPECT_EQ(select(Expr(NAN), y, t).id(), y.id());  // all but 0 is true, as in C
}

TEST(Expr, RejectsNegativeIndices) { EXPECT_THROW(Expr::input(-1, "y"), IndexError); }

TEST(Expr, DeepChainsNeedNoStack) {
  constexpr int depth = 100'000;
  Expr chain = y;
  for (int i = 0; i < depth; ++i) chain = chain + t;
  EXPECT_EQ(test::reference(chain, std::vector{1.0, 2.0}), 1.0 + 2.0 * depth);
  const std::vector<Expr> slopes = gradient(chain, 1.0, std::vector{y, t});
  EXPECT_EQ(test::reference(slopes[0], std::vector{1.0, 2.0}), 1.0);
  EXPECT_EQ(test::reference(slopes[1], std::vector{1.0, 2.0}), static_cast<double>(depth));
  EXPECT_EQ(to_text(chain).size(), 1u + 4u * depth);
  EXPECT_GT(to_latex(chain).size(), static_cast<std::size_t>(depth));
}

TEST(Expr, SharedSubexpressionsAreVisitedOnce) {
  Expr power = y;
  for (int i = 0; i < 100; ++i) power = power * power;  // 2^100 factors when written out
  EXPECT_EQ(ExprOrder(std::span(&power, 1)).size(), 101);
  EXPECT_EQ(test::reference(power, std::vector{1.0}), 1.0);
  EXPECT_EQ(test::reference(gradient(power, 1.0, std::span(&y, 1))[0], std::vector{1.0}), std::pow(2.0, 100));
  EXPECT_THROW(to_text(power), ValueError);
}

TEST(ExprOrder, OperandsComeBeforeUsers) {
  const Expr shared = exp(y), root = shared * (shared + t);
  const ExprOrder order(std::span(&root, 1));
  EXPECT_EQ(order.size(), 5);
  for (int i = 0; i < order.size(); ++i) {
    EXPECT_EQ(order.position(order[i]), i);
    for (int k = 0; k < arity(order[i].op()); ++k) EXPECT_LT(order.position(order[i].operand(k)), i);
  }
  EXPECT_EQ(order.position(y * t), -1);
}

TEST(ExprOrder, CanBeReused) {
  ExprOrder order;
  for (int count = 1; count < 200; ++count) {
    Expr chain = y;
    for (int i = 0; i < count; ++i) chain = sqrt(chain);
    order.build(std::span(&chain, 1));
    EXPECT_EQ(order.size(), count + 1);
    EXPECT_EQ(order.position(chain), count);
    EXPECT_EQ(order.position(t), -1);
  }
}

}  // namespace
}  // namespace perdita
