#include "perdita/rewriting/domain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::rewriting {
namespace {

Domain domain_of(std::string_view conditions) {
  Domain domain{{.name = "y"}, {.name = "t"}};
  restrict_domain(domain, conditions);
  return domain;
}

TEST(Domain, Conditions) {
  EXPECT_EQ(to_text(domain_of("t in 0..1")), "t in 0..1");
  EXPECT_EQ(to_text(domain_of("y, t > 0")), "y > 0, t > 0");
  EXPECT_EQ(to_text(domain_of("t = -1, 1")), "t = -1, 1");
  EXPECT_EQ(to_text(domain_of("t = 0, 1, 2, ...")), "t = 0, 1, ...");
  EXPECT_EQ(to_text(domain_of("t in 0..1, y <= 0")), "y <= 0, t in 0..1");
  EXPECT_EQ(to_text(domain_of("t = 0, 1, y >= -2.5")), "y >= -2.5, t = 0, 1");
}

TEST(Domain, Brackets) {
  const auto [formula, conditions] = separate_domain("log(y) [y > 0] ");
  EXPECT_EQ(formula, "log(y) ");
  EXPECT_EQ(conditions, "y > 0");
  EXPECT_EQ(separate_domain("log(y)").conditions, "");
}

TEST(Domain, Errors) {
  for (const std::string_view wrong : {"x > 0", "y", "y >", "y in 0", "y in 1..0", "y > 0 t > 0", "y < 0, ", "y = a"})
    EXPECT_THROW(domain_of(wrong), ValueError) << wrong;
}

TEST(Domain, PointsLieInIt) {
  for (const std::string_view conditions :
       {"t in 0..1", "y, t > 0", "t = -1, 1", "t = 0, 1, 2, ...", "y <= 0", "y < 1, t in -1..1", "y > 5"}) {
    const Domain domain = domain_of(conditions);
    const Points points = draw_points(domain, 3000, 7);
    ASSERT_EQ(points.size(), 3000u);
    for (std::size_t v = 0; v < 2; ++v) {
      for (const double x : points.columns[v]) {
        EXPECT_TRUE(domain[v].contains(x)) << conditions << ": " << x;
        EXPECT_EQ(static_cast<double>(static_cast<float>(x)), x);
      }
    }
  }
}

TEST(Domain, PointsAreVaried) {
  const Points points = draw_points(domain_of("t in 0..1"), 3000, 7);
  const auto share = [&](auto condition) {
    return static_cast<double>(std::ranges::count_if(points.columns[0], condition)) / 3000;
  };
  EXPECT_GT(share([](double y) { return std::abs(y) > 1e6; }), 0.1);
  EXPECT_GT(share([](double y) { return y != 0 && std::abs(y) < 1e-6; }), 0.1);
  EXPECT_GT(share([](double y) { return std::abs(y) > 0.1 && std::abs(y) < 20; }), 0.3);
  EXPECT_GT(share([](double y) { return y == 0; }), 0.0);
}

}  // namespace
}  // namespace perdita::rewriting
