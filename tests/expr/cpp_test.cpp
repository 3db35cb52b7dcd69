// Formulas as C++ code.
#include "perdita/expr/cpp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/expr/parse.hpp"
#include "perdita/losses/span.hpp"

namespace perdita {
namespace {

const std::vector<std::string> names{"y", "t"};

std::string written(std::string_view text) {
  const std::vector<NamedExpr> inputs{{"y", Expr::input(0, "y")}, {"t", Expr::input(1, "t")}};
  return to_cpp(parse_expr(text, inputs), names);
}

TEST(Cpp, PrecedenceIsThatOfTheLanguage) {
  EXPECT_EQ(written("y - (t - 1)"), "[](auto y, auto t) { return y - (t - 1.0); }");
  EXPECT_EQ(written("(y - t) - 1"), "[](auto y, auto t) { return y - t - 1.0; }");
  EXPECT_EQ(written("-(y * t)"), "[](auto y, auto t) { return -(y * t); }");
  EXPECT_EQ(written("y / (t * 2)"), "[](auto y, auto t) { return y / (t * 2.0); }");
  EXPECT_EQ(written("(y + t)^2 + y^t"), "[](auto y, auto t) { return square(y + t) + pow(y, t); }");
  EXPECT_EQ(written("y * -3"), "[](auto y, auto t) { return y * -3.0; }");
  EXPECT_EQ(written("select(y < 0 & !(t > 1 | y == t), y, t)"),
            "[](auto y, auto t) { return select((y < 0.0) & !((t > 1.0) | (y == t)), y, t); }");
  EXPECT_EQ(written("select(y, 1e-20, inf) * t"),
            "[](auto y, auto t) { return select(y != 0.0, 1e-20, std::numeric_limits<double>::infinity()) * t; }");
}

TEST(Cpp, WhatIsUsedTwiceIsAVariable) {
  EXPECT_EQ(written("(a + 1) * a where a = exp(y - t)"),
            "[](auto y, auto t) {\n  const auto a = exp(y - t);\n  return (a + 1.0) * a;\n}");
}

TEST(Cpp, AComparisonIsNoNumber) { EXPECT_THROW(written("(y > 0) * t"), ValueError); }

TEST(Cpp, AnInputThatIsNotUsedHasNoName) {
  const std::vector<std::string> only{"y", ""};
  EXPECT_EQ(to_cpp(softplus(Expr::input(0, "y")), only), "[](auto y, auto) { return softplus(y); }");
}

// What is written above compiles, and has the values of the formula.
TEST(Cpp, IsALoss) {
  const auto loss = [](auto y, auto t) { return select((y < 0.0) & (!((t > 1.0) | (y == t))), y, t); };
  const std::vector<double> y{-1, -1, 2, -3}, t{0, 2, 0, -3};
  double expected = 0;
  for (std::size_t i = 0; i < y.size(); ++i) expected += y[i] < 0 && !(t[i] > 1 || y[i] == t[i]) ? y[i] : t[i];
  EXPECT_EQ(value(loss, std::span(y), std::span(t)), expected / 4);
}

}  // namespace
}  // namespace perdita
