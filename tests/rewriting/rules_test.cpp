// Each identity is compared in 200 bits at points of its variables.
#include "perdita/rewriting/rules.hpp"

#include <gtest/gtest.h>

#include "perdita/core/error.hpp"
#include "perdita/rewriting/reference.hpp"

namespace perdita::rewriting {
namespace {

/// Identities that hold on a part of the numbers only, which graphs find out, or whose sides are rarely both defined.
struct RestrictedRule {
  std::string_view begin, domain;
};
constexpr RestrictedRule restricted[] = {
    {"softplus(a) - b * a => softplus((1", "b = 0, 1"}, {"abs(a) => a", "a >= 0"},
    {"log_ratio(a, 1 - a)", "a in 0..1, b in 0..1"},    {"a * log(a / b) + (1 - a)", "a in 0..1, b in 0..1"},
    {"1 - sqrt(a * b)", "a in 0..1, b in 0..1"},
};

Domain domain_of(std::string_view text) {
  Domain domain{{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
  for (const RestrictedRule& rule : restricted) {
    if (text.starts_with(rule.begin)) restrict_domain(domain, rule.domain);
  }
  return domain;
}

TEST(Rules, BothSidesAreEqual) {
  constexpr std::uint64_t seed = 11;
  for (const Rule& rule : rules()) {
    const Points points = draw_points(domain_of(rule.text), 400, seed);
    const Comparison comparison = compare_values(rule.from, rule.to, points);
    EXPECT_FALSE(comparison.differs) << rule.text << " at " << points.columns[0][comparison.differs.value_or(0)] << ", "
                                     << points.columns[1][comparison.differs.value_or(0)] << ", seed " << seed;
    EXPECT_GT(comparison.compared, 20u) << rule.text << ", seed " << seed;
  }
}

TEST(Rules, PlantedFalseOnesAreCaught) {
  for (const char* text : {"sigmoid(a) - b => sigmoid(a - b)", "expm1(a) - a => 0.5 * square(a)",
                           "log(1 + a) => log1p(a) + 1e-40", "log1p(a) - a => expm1_minus_x(-a)"}) {
    for (const Rule& rule : rules_of(text)) {
      EXPECT_TRUE(compare_values(rule.from, rule.to, draw_points(domain_of(rule.text), 400, 11)).differs) << text;
    }
  }
}

TEST(Rules, Errors) {
  EXPECT_THROW(rules_of("a + b"), ValueError);
  EXPECT_THROW(rules_of("a + x => x + a"), ValueError);
}

}  // namespace
}  // namespace perdita::rewriting
