#include "perdita/rewriting/regions.hpp"

#include <gtest/gtest.h>

namespace perdita::rewriting {
namespace {

TEST(Regions, ShortThresholds) {
  EXPECT_EQ(shortest_between(-1, 2), 0);
  EXPECT_EQ(shortest_between(0.3, 17), 1);
  EXPECT_EQ(shortest_between(0.3, 0.9), 0.5);
  EXPECT_EQ(shortest_between(1234.1, 1234.6), 1234.3);
  EXPECT_EQ(shortest_between(-0.9, -0.3), -0.5);
  EXPECT_EQ(shortest_between(0.5, 0.6), 0.55);
}

TEST(Regions, OfTwoFormsEachWhereItIsBetter) {
  const Domain domain{{.name = "y"}};
  const Points points{{{-3, -2, -1, 1, 2, 3}}};
  const Expr y = Expr::input(0, "y");
  const std::vector<FormErrors> forms{{y, {9, 9, 9, 0, 0, 0}}, {-y, {0, 0, 0, 9, 9, 9}}, {exp(y), {1, 1, 1, 1, 1, 1}}};
  EXPECT_EQ(to_text(forms_by_region(forms, domain, points, 1).at(0)), "select(y < 0, -y, y)");
}

TEST(Regions, ByMagnitude) {
  const Domain domain{{.name = "y"}};
  const Points points{{{-30, -2, -0.1, 0.2, 20, 30}}};
  const Expr y = Expr::input(0, "y");
  const std::vector<FormErrors> forms{{y, {9, 9, 0, 0, 9, 9}}, {-y, {0, 0, 9, 9, 0, 0}}};
  EXPECT_EQ(to_text(forms_by_region(forms, domain, points, 1).at(0)), "select(abs(y) < 1, y, -y)");
}

TEST(Regions, FormsThatComplementEachOther) {
  const Expr y = Expr::input(0, "y");
  const std::vector<FormErrors> forms{{y, {2, 2, 9}}, {y, {3, 3, 9}}, {y, {9, 9, 0}}};
  EXPECT_EQ(complementary_forms(forms, 3), (std::vector<std::size_t>{0, 2}));
}

}  // namespace
}  // namespace perdita::rewriting
