// What is found of formulas whose properties are known from mathematics.
#include "perdita/losses/inspection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "perdita/core/error.hpp"

namespace perdita {
namespace {

using Kind = Finding::Kind;

Inspection inspected(std::string_view text) {
  return inspect(is_class_formula(text) ? ClassFormula::parse(text).of_two_classes() : Formula::parse(text), {});
}

std::set<Kind> kinds(std::string_view text) {
  std::set<Kind> found;
  for (const Finding& finding : inspected(text).findings) found.insert(finding.kind);
  return found;
}

const Finding& first(const Inspection& inspection, Kind kind) {
  return *std::ranges::find(inspection.findings, kind, &Finding::kind);
}

TEST(Inspection, SoundLossesAreSound) {
  for (const char* text :
       {"(y - t)^2", "softplus(y) - t * y", "log_cosh(y - t)", "sqrt(1 + (y - t)^2)", "-t * log_p", "abs(y - t)^1.5"}) {
    const Inspection inspection = inspected(text);
    EXPECT_TRUE(inspection.findings.empty()) << text << ": " << inspection.findings[0].text;
    EXPECT_GT(inspection.compared, 300) << text;
    EXPECT_LT(inspection.worst_difference, 1e-7) << text;
  }
}

TEST(Inspection, FindsWhatIsKnown) {
  EXPECT_EQ(kinds("abs(y - t)"), (std::set{Kind::kink}));
  EXPECT_EQ(kinds("max(0, 1 - y * (2 * t - 1))"), (std::set{Kind::kink}));
  EXPECT_EQ(kinds("select(abs(y - t) < 1, 0.5 * (y - t)^2, abs(y - t) - 0.5)"), std::set<Kind>{});  // Huber is smooth
  EXPECT_EQ(kinds("y * t"), (std::set{Kind::unbounded_below}));
  EXPECT_EQ(kinds("(sigmoid(y) - t)^2"), (std::set{Kind::flat, Kind::not_convex}));
  EXPECT_EQ(kinds("-t * (1 - p)^2 * log_p"), (std::set{Kind::not_convex}));  // focal
  EXPECT_EQ(kinds("log(1 + exp(-y * (2 * t - 1)))"), (std::set{Kind::not_finite}));
  EXPECT_TRUE(kinds("select(y > t, 3 + y, y)").contains(Kind::jump));
  EXPECT_TRUE(kinds("min((y - t)^2, 1)").contains(Kind::flat));  // outliers have no say
  EXPECT_TRUE(kinds("log(y) + t").contains(Kind::unbounded_below));
  EXPECT_TRUE(kinds("-abs(y - t)").contains(Kind::not_convex));
}

TEST(Inspection, TellsThePlace) {
  const Inspection absolute = inspected("abs(y - t - 0.25)");
  EXPECT_NEAR(first(absolute, Kind::kink).input, 0.25, 1e-9);
  EXPECT_EQ(first(absolute, Kind::kink).target, 0);
  EXPECT_EQ(absolute.findings.size(), 2u);  // one for each target
  const Inspection overflow = inspected("exp(y) + t");
  EXPECT_NEAR(first(overflow, Kind::not_finite).input, std::log(0x1.fffffffffffffp1023), 1e-9);
  const Inspection square = inspected("(y - t)^2");
  EXPECT_NEAR(square.curves[1].least_at, 1, 1e-12);
  EXPECT_EQ(square.curves[1].least, 0);
}

TEST(Inspection, OfTwoClassesIsTheLossOfTheirMargin) {
  const Inspection logistic = inspected("-t * log_p");
  const InspectedCurve& curve = logistic.curves[0];
  for (std::size_t i = 0; i < curve.input.size(); i += 100) {
    EXPECT_NEAR(curve.value[i], std::log1p(std::exp(-curve.input[i])), 1e-12);
    EXPECT_NEAR(curve.slope[i], -1 / (1 + std::exp(curve.input[i])), 1e-12);
  }
}

TEST(Inspection, RefusesRangesAndTargetsThatAreNone) {
  const Formula loss = Formula::parse("y - t");
  EXPECT_THROW(inspect(loss, {.low = 1, .high = 1}), ValueError);
  EXPECT_THROW(inspect(loss, {.targets = {}}), ValueError);
  EXPECT_THROW(inspect(loss, {.targets = {NAN}}), ValueError);
}

}  // namespace
}  // namespace perdita
