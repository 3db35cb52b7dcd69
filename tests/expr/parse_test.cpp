// Reading formulas. The printed notation is checked against a reader of its own in expr_text_test.cpp.
#include "perdita/expr/parse.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "perdita/core/error.hpp"
#include "perdita/expr/expr.hpp"
#include "tests/expr/random.hpp"

namespace perdita {
namespace {

Expr parse(std::string_view text) {
  static const std::array<NamedExpr, 3> inputs{
      {{"a", Expr::input(0, "a")}, {"b", Expr::input(1, "b")}, {"c", Expr::input(2, "c")}}};
  return parse_expr(text, inputs);
}

/// The formula of `text` as to_text() has it.
std::string read(std::string_view text) { return to_text(parse(text)); }

std::string error_of(std::string_view text) {
  try {
    parse(text);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ExprParse, HasTheUsualPrecedences) {
  EXPECT_EQ(read("a + b * c"), "a + b * c");
  EXPECT_EQ(read("(a + b) * c"), "(a + b) * c");
  EXPECT_EQ(read("a - b - c"), to_text(parse("(a - b) - c")));
  EXPECT_EQ(read("a / b * c"), to_text(parse("(a / b) * c")));
  EXPECT_EQ(read("-a^2"), "-a^2");
  EXPECT_EQ(read("a^b^c"), to_text(parse("a^(b^c)")));
  EXPECT_EQ(read("a ** -b"), "a^(-b)");
  EXPECT_EQ(read("a < b & b < c | !c"), to_text(parse("((a < b) & (b < c)) | (!c)")));
  EXPECT_EQ(read("a<b && b>=c || a!=c"), "a < b & b >= c | a != c");
  EXPECT_EQ(read("+a - -b"), "a + b");
  EXPECT_EQ(read("2 * 3 + 1e-3 + .5 * a"), "6.001 + 0.5 * a");
}

TEST(ExprParse, CallsFunctions) {
  EXPECT_EQ(read("select(a<1, square(a), 2*abs(a)-1)"), "select(a < 1, a^2, 2 * abs(a) - 1)");
  EXPECT_EQ(read("min(a, b, c)"), "min(min(a, b), c)");
  EXPECT_EQ(read("clamp(a, 0, 1)"), to_text(clamp(Expr::input(0, "a"), 0.0, 1.0)));
  EXPECT_EQ(read("a * pi + e"), "a * 3.141592653589793 + 2.718281828459045");
}

TEST(ExprParse, DefinitionsMayComeInAnyOrderAndAreShared) {
  EXPECT_EQ(read("u * u where u = v + k; v = exp(a); k = 2"), "(exp(a) + 2) * (exp(a) + 2)");
  const Expr product = parse("u * u where u = exp(a)");
  EXPECT_EQ(product.operand(0).id(), product.operand(1).id());
  EXPECT_EQ(read("k * a^n where k = 3, n = min(2, 4);"), "3 * a^2");
}

TEST(ExprParse, ReadsBackWhatIsPrinted) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const std::string text = to_text(test::random_formula(seed, 8));
    ASSERT_EQ(read(text), text) << "seed " << seed;
  }
}

TEST(ExprParse, ErrorsShowThePlaceAndTheRemedy) {
  EXPECT_EQ(error_of("a + z"),
            "formula: 'z' is not defined (valid: a, b, c; or a definition such as ... where z = 1)\n  a + z\n      ^");
  EXPECT_NE(error_of("sigmod(a)").find("did you mean 'sigmoid'?"), std::string::npos);
  EXPECT_NE(error_of("where(a > 0, a, b)").find("select(condition, a, b)"), std::string::npos);
  EXPECT_NE(error_of("a > 0 ? a : b").find("select(condition, a, b)"), std::string::npos);
  EXPECT_NE(error_of("2a").find("2 * a"), std::string::npos);
  EXPECT_NE(error_of("a < b < c").find("a < b & b < c"), std::string::npos);
  EXPECT_NE(error_of("a = b").find("=="), std::string::npos);
  EXPECT_NE(error_of("exp(a, b)").find("exp takes 1 argument, not 2"), std::string::npos);
  EXPECT_NE(error_of("exp").find("the arguments of the function exp are missing"), std::string::npos);
  EXPECT_NE(error_of("u where u = v; v = u").find("the definition of 'u' refers to itself"), std::string::npos);
  EXPECT_NE(error_of("a where k = 1").find("not used"), std::string::npos);
  EXPECT_NE(error_of("a where a = 1").find("cannot be defined"), std::string::npos);
  EXPECT_NE(error_of("k * a where k = 1; k = 2").find("twice"), std::string::npos);
  EXPECT_NE(error_of("1e999 * a").find("range of double"), std::string::npos);
  EXPECT_NE(error_of("a \xc2\xb7 b").find("0xc2"), std::string::npos);
  for (const char* text :
       {"", " ", "a +", "(a", "a)", "a b", "a,", ";", "f(", "exp()", "a where", "a where k", ".", "a @"}) {
    EXPECT_NE(error_of(text), "accepted") << text;
  }
}

TEST(ExprParse, KeepsWithinItsLimits) {
  EXPECT_NE(error_of(fmt::format("{:(>200}{:)>200}", "a", "")).find("up to 100 levels"), std::string::npos);
  EXPECT_NE(error_of(fmt::format("{:->5000}", "a")).find("up to 100 levels"), std::string::npos);
  EXPECT_NE(error_of(std::string(10'001, ' ')).find("10000"), std::string::npos);
  std::string chain = "a";
  while (chain.size() < 9'990) chain += " + a";
  EXPECT_EQ(read(chain), chain);
}

}  // namespace
}  // namespace perdita
