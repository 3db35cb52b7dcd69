// Losses that compare over spans: small numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "perdita/losses/span.hpp"

namespace perdita {
namespace {

using In = std::span<const double>;
using Out = std::span<double>;
using Row = std::vector<double>;

void expect_near(const Row& found, const Row& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-11) << i;
}

TEST(ComparingSpan, TripletsHaveGradientsByAllThree) {
  const Row a{0, 0, 0, 0}, p{3, 4, 0, 0}, n{0, 2, 0, 9};  // distances 5 and 2; 0 and 9
  Row da(4), dp(4), dn(4);
  const std::array<In, 3> vectors{a, p, n};
  const std::array<Out, 3> gradients{da, dp, dn};
  const TripletMargin loss{.margin = 1, .eps = 0};
  EXPECT_DOUBLE_EQ(value_and_gradient(loss, vectors, 2, gradients), (1 + 5 - 2) / 2.0);
  expect_near(da, {-0.3, -0.4 + 0.5, 0, 0});
  expect_near(dp, {0.3, 0.4, 0, 0});
  expect_near(dn, {0, -0.5, 0, 0});
  EXPECT_DOUBLE_EQ(value_and_gradient({.margin = 1, .p = 1, .eps = 0}, vectors, 2, gradients, Reduction::sum), 6);
  EXPECT_THROW(value_and_gradient({.p = 3}, vectors, 2, gradients), ValueError);
  EXPECT_THROW(value_and_gradient(loss, vectors, 3, gradients), ShapeError);
  EXPECT_THROW(value_and_gradient(loss, {a, p, In(n).first(2)}, 2, gradients), ShapeError);
  EXPECT_THROW(value_and_gradient(loss, {a, p, dn}, 2, gradients), ValueError);
  EXPECT_THROW(value_and_gradient(loss, vectors, 2, {da, dp, dp}), ValueError);
}

TEST(ComparingSpan, CosinesOfPairs) {
  const Row x{1, 0, 1, 0}, y{0, 2, 3, 0}, t{1, -1};  // cosines 0 and 1
  Row dx(4), dy(4);
  const double value = value_and_gradient(CosineEmbedding{.margin = 0.5}, std::array<In, 2>{x, y}, 2, In(t),
                                          std::array<Out, 2>{dx, dy}, Reduction::sum);
  EXPECT_NEAR(value, 1 + 0.5, 1e-12);
  expect_near(dx, {0, -1, 0, 0});
  expect_near(dy, {-0.5, 0, 0, 0});
  EXPECT_THROW(
      value_and_gradient(CosineEmbedding{}, std::array<In, 2>{x, y}, 2, In(t).first(1), std::array<Out, 2>{dx, dy}),
      ShapeError);
}

TEST(ComparingSpan, MarginsOfRows) {
  const Row z{2, 1.5, 0, 0, 3, 0};
  const std::vector<std::int64_t> labels{0, 2};
  Row gradient(6);
  const double value = value_and_gradient(MultiMargin{}, In(z), std::span(labels), Out(gradient), Reduction::sum);
  EXPECT_DOUBLE_EQ(value, (0.5 + 1 + 4) / 3);
  const double third = 1.0 / 3;
  EXPECT_EQ(gradient, (Row{-third, third, 0, third, third, -2 * third}));
  const std::vector<std::int64_t> wrong{0, 3};
  EXPECT_THROW(value_and_gradient(MultiMargin{}, In(z), std::span(wrong), Out(gradient)), IndexError);
  EXPECT_THROW(value_and_gradient(MultiMargin{}, In(gradient), std::span(labels), Out(gradient)), ValueError);
}

}  // namespace
}  // namespace perdita
