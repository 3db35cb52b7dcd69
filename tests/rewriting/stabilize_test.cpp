#include "perdita/rewriting/stabilize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "perdita/core/error.hpp"
#include "perdita/core/random.hpp"
#include "perdita/expr/parse.hpp"
#include "perdita/rewriting/parameters.hpp"
#include "perdita/rewriting/reference.hpp"

namespace perdita {
namespace {

Expr parsed(std::string_view text) {
  const std::vector<NamedExpr> inputs{{"y", Expr::input(0, "y")}, {"t", Expr::input(1, "t")}};
  return parse_expr(text, inputs);
}

Stabilized stabilized(std::string_view text) {
  const auto [formula, conditions] = rewriting::separate_domain(text);
  return stabilize(parsed(formula), {.domain = std::string(conditions), .seconds = 60});
}

double worst_share(const rewriting::Measurement::Result& result) {
  return std::max({result.value[0].share_beyond, result.slope[0].share_beyond, result.value[1].share_beyond,
                   result.slope[1].share_beyond});
}
double mean_bits(const rewriting::Measurement::Result& result) {
  return result.value[0].mean_bits + result.slope[0].mean_bits + result.value[1].mean_bits + result.slope[1].mean_bits;
}

TEST(Stabilize, Text) {
  EXPECT_EQ(to_text(stabilized("log(1 + exp(y))").formula), "softplus(y)");
  EXPECT_EQ(to_text(stabilized("-log(exp(y) / (1 + exp(y)))").formula), "softplus(-y)");
  EXPECT_EQ(to_text(stabilized("log((exp(y - t) + exp(t - y)) / 2)").formula), "log_cosh(y - t)");
}

/// Formulas as people write them: at most 1 % of the points are more than 4 ULP off, in value and derivative, in
/// float32 and float64.
TEST(Stabilize, Exact) {
  for (const char* text : {
           "log(1+exp(-t*y)) [t = -1, 1]",
           "a*(1-p)^g*-log(p) where p = 1/(1+exp(-y)); a = 0.25; g = 2",
           "(1-exp(-b))^g*b where b = log(1+exp(y))-t*y; g = 2 [t = 0, 1]",
           "log(1+(y-t)^2/2)",
           "(sqrt(y)-sqrt(t))^2 [y, t > 0]",
           "(log(1+y)-log(1+t))^2 [y, t >= 0]",
           "-t*y-(1-t)*log(1-exp(y)) [y <= 0, t in 0..1]",
           "-t*(1-exp(y))^g*y where g = 2 [y <= 0, t in 0..1]",
           "(1-exp(q*y))/q where q = 1e-3 [y <= 0]",
       }) {
    const Stabilized found = stabilized(text);
    EXPECT_GT(worst_share(found.before), 0.05) << text;
    EXPECT_LE(worst_share(found.after), 0.01) << text << ": " << to_text(found.formula);
    EXPECT_GT(found.comparison.compared, 5000u) << text;
  }
}

/// Formulas where rounding of an operand remains: a tenth of the bits at most.
TEST(Stabilize, Better) {
  for (const char* text : {
           "-t*log(1/(1+exp(-y))) - (1-t)*log(1-1/(1+exp(-y))) [t in 0..1]",
           "(y-t)^2/((y-t)^2+1)",
           "-p*log(p)-(1-p)*log(1-p) where p = sigmoid(y)",
           "log(exp(y))/2+(y-t)^2/(2*exp(y))",
       }) {
    const Stabilized found = stabilized(text);
    EXPECT_LT(mean_bits(found.after), 0.1 * mean_bits(found.before)) << text << ": " << to_text(found.formula);
  }
}

TEST(Stabilize, WhatIsExactIsNotChanged) {
  for (const char* text : {"(y - t)^2", "softplus(-t * y) [t = -1, 1]", "abs(y - t)", "log_cosh(y - t)"})
    EXPECT_FALSE(stabilized(text).is_changed) << text << ": " << to_text(stabilized(text).formula);
}

TEST(Stabilize, StableFormsAreNotMadeWorse) {
  for (const char* text : {"log(1+exp(y)) - t*y [t in 0..1]", "exp(y-t)-(y-t)-1"}) {
    const Stabilized once = stabilized(text);
    const auto conditions = std::string(rewriting::separate_domain(text).conditions);
    const Stabilized twice = stabilize(once.formula, {.domain = conditions, .seconds = 60});
    EXPECT_LE(mean_bits(twice.after), mean_bits(once.after) + 0.05) << text;
  }
}

/// The same formula for the same seed, whatever the time.
TEST(Stabilize, Repeatable) {
  const char* text = "log(1+exp(y))-log(1+exp(t))";
  EXPECT_EQ(to_text(stabilized(text).formula), to_text(stabilized(text).formula));
}

/// A formula of random operations.
Expr random_formula(const Philox& random, std::uint64_t& next, int depth) {
  const std::uint64_t kind = random.below(next++, depth > 0 ? 14 : 4);
  const auto part = [&] { return random_formula(random, next, depth - 1); };
  switch (kind) {
    case 0:
    case 1:
      return Expr::input(0, "y");
    case 2:
      return Expr::input(1, "t");
    case 3:
      return static_cast<double>(random.below(next++, 5)) * 0.5;
    case 4:
      return part() + part();
    case 5:
      return part() - part();
    case 6:
      return part() * part();
    case 7:
      return part() / part();
    case 8:
      return exp(part());
    case 9:
      return log(part());
    case 10:
      return square(part());
    case 11:
      return sqrt(part());
    case 12:
      return sigmoid(part());
    default:
      return -part();
  }
}

/// How many random formulas are rewritten: scripts/test-random-formulas.sh takes 10,000.
std::uint64_t random_formulas() {
  const char* const wanted = std::getenv("PERDITA_RANDOM_FORMULAS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 100;
}

TEST(Stabilize, RandomFormulasStayEqual) {
  std::uint64_t changed = 0, tried = 0;
  for (std::uint64_t seed = 0; seed < random_formulas(); ++seed) {
    std::uint64_t next = 0;
    const Expr formula = random_formula(Philox(seed), next, 4);
    Stabilized found{.original = formula, .formula = formula};
    try {
      found = stabilize(formula, {.seconds = 5, .seed = seed});
    } catch (const ValueError&) {
      continue;  // not defined anywhere, or without y
    }
    ++tried;
    changed += found.is_changed;
    // Constants other than short ones are rounded in the form, which is compared with symbolic ones within stabilize().
    if (rewriting::Parameters(formula, found.domain.size()).names().empty()) {
      const rewriting::Points points = rewriting::draw_points(found.domain, 1000, seed + 1000);
      EXPECT_FALSE(rewriting::compare_values(formula, found.formula, points).differs)
          << "seed " << seed << ": " << to_text(formula) << " became " << to_text(found.formula);
    }
    EXPECT_LE(mean_bits(found.after), mean_bits(found.before) + 0.1)
        << "seed " << seed << ": " << to_text(formula) << " became " << to_text(found.formula);
  }
  EXPECT_GT(tried, 50);
  EXPECT_GT(changed, 10);
}

/// 1 / (b + a) with constants that doubles cannot hold: they stay symbolic until the form is found.
TEST(Stabilize, ConstantsAreSymbols) {
  const rewriting::Parameters parameters(parsed("log(1 + 0.3*y) / 0.3 + 0.5*t - log(2)"), 2);
  EXPECT_EQ(parameters.names(), std::vector<std::string>{"0.3"});
  EXPECT_EQ(to_text(parameters.formula()), "log(1 + 0.3 * y) / 0.3 + 0.5 * t - 0.6931471805599453");
  EXPECT_EQ(to_text(parameters.with_constants(parameters.formula())), to_text(parameters.formula()));
  EXPECT_EQ(to_text(stabilized("(1-exp(q*y))/q where q = 1e-3 [y <= 0]").formula), "-expm1(0.001 * y) * 1000");
  EXPECT_EQ(to_text(stabilized("log(1+exp(y))-log(2) [y <= 0]").formula), "log1p(0.5 * expm1(y))");
}

/// Where only operands in float64 help: the rounding of y - t is amplified.
TEST(Stabilize, ComputesInFloat64IfNothingElseHelps) {
  const Stabilized found = stabilized("1-exp(-(y-t)^2/2)");
  EXPECT_TRUE(found.compute_in_float64);
  EXPECT_GT(found.before.slope[0].share_beyond, 0.05);
  EXPECT_LE(std::max(found.after.value[0].share_beyond, found.after.slope[0].share_beyond), 0.01);
  EXPECT_FALSE(stabilized("log(1+exp(-t*y)) [t = -1, 1]").compute_in_float64);
}

/// Long and deep formulas are answered, with the formula itself where a search would take too long.
TEST(Stabilize, LongAndDeepFormulas) {
  std::string sum = "y", logs = "y";
  while (sum.size() < 9900) sum += " + exp(y*t)/(1+y^2)";
  for (int i = 0; i < 90; ++i) logs = "log(1 + " + logs + ")";
  const Stabilized kept = stabilized(sum);
  EXPECT_EQ(kept.formula.id(), kept.original.id());
  const Stabilized found = stabilized(logs + " [y > 0]");
  EXPECT_LE(mean_bits(found.after), mean_bits(found.before));
}

TEST(Stabilize, Errors) {
  EXPECT_THROW(stabilize(parsed("t^2")), ValueError);
  EXPECT_THROW(stabilize(parsed("log(-1 - y^2)")), ValueError);
  EXPECT_THROW(stabilize(parsed("y + t"), {.domain = "x > 0"}), ValueError);
}

}  // namespace
}  // namespace perdita
