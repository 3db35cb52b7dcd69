// Losses over spans, built in or a user's lambda.
#include "perdita/losses/span.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "perdita/losses/list.hpp"

namespace perdita {
namespace {

const std::vector<float> outputs{0.5f, -1, 3, 0}, labels{1, 1, 1, 0};

TEST(Span, MeanAndGradientOfABuiltIn) {
  std::vector<float> gradient(4);
  EXPECT_FLOAT_EQ(static_cast<float>(value_and_gradient(Mse{}, outputs, labels, gradient)), (0.25f + 4 + 4) / 4);
  EXPECT_EQ(gradient, (std::vector<float>{-0.25f, -1, 1, 0}));
  EXPECT_DOUBLE_EQ(value(Mse{}, outputs, labels, Reduction::sum), 8.25);
}

TEST(Span, AnyLambdaIsALoss) {
  const double under = 3;
  const auto newsvendor = [=](auto y, auto t) {
    const auto e = y - t;
    return select(e < 0.0, -under * e, e);
  };
  std::vector<float> gradient(4);
  EXPECT_DOUBLE_EQ(value_and_gradient(newsvendor, outputs, labels, gradient, Reduction::sum), 1.5 + 6 + 2 + 0);
  EXPECT_EQ(gradient, (std::vector<float>{-3, -3, 1, 1}));
}

TEST(Span, LossesOfSingleElements) {
  std::vector<double> y{1, 2}, t{0, 4}, losses(2);
  EXPECT_EQ(values(L1{}, y, t, losses), 3);
  EXPECT_EQ(losses, (std::vector<double>{1, 2}));
}

// Arrays that are written past the caches: stores of whole registers want an alignment that users need not have.
TEST(Span, LargeArraysOfAnyAlignment) {
  constexpr std::size_t size = 5'000'000;
  const std::vector<float> y(size, 3), t(size, 1);
  std::vector<float> gradient(size + 32);
  for (std::size_t offset : {0, 1, 4, 8, 13, 16}) {
    const std::span<float> part(gradient.data() + offset, size);
    std::ranges::fill(gradient, -7.0f);
    EXPECT_EQ(value_and_gradient(Mse{}, y, t, part, Reduction::sum), 4.0 * size);
    EXPECT_EQ(std::ranges::count(gradient, 4.0f), static_cast<std::ptrdiff_t>(size)) << offset;
    EXPECT_EQ(part.front(), 4.0f);
    EXPECT_EQ(part.back(), 4.0f);
  }
}

TEST(Span, MeanOfNothingIsNaN) {
  const std::vector<float> none;
  EXPECT_TRUE(std::isnan(value(Mse{}, none, none)));
  EXPECT_EQ(value(Mse{}, none, none, Reduction::sum), 0);
}

TEST(Span, SizesAreChecked) {
  std::vector<float> gradient(3);
  try {
    value_and_gradient(Mse{}, outputs, labels, gradient);
    FAIL() << "expected ShapeError";
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "value_and_gradient: gradient has room for 3 elements, but input has 4 (must have the same length)");
  }
  EXPECT_THROW(value(Mse{}, outputs, gradient), ShapeError);
  EXPECT_THROW(value(Mse{}, outputs, labels, Reduction::none), ValueError);
}

TEST(Span, OutputsAreInPlaceOrApart) {
  std::vector<float> expected(4), memory(9, 1), y(outputs), t(labels);
  value_and_gradient(Mse{}, outputs, labels, expected);
  value_and_gradient(Mse{}, y, labels, y);
  EXPECT_EQ(y, expected);
  value_and_gradient(Mse{}, outputs, t, t);
  EXPECT_EQ(t, expected);
  const auto at = [&](std::size_t first) { return std::span(memory).subspan(first, 4); };
  value_and_gradient(Mse{}, at(0), labels, at(4));  // side by side
  for (std::size_t first : {2, 4}) {
    EXPECT_THROW(value_and_gradient(Mse{}, at(3), labels, at(first)), ValueError) << first;
    EXPECT_THROW(value_and_gradient(Mse{}, labels, at(3), at(first)), ValueError) << first;
  }
  try {
    values(Mse{}, at(3), labels, at(1));
    FAIL() << "expected ValueError";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "values: output overlaps input (must not overlap, unless it is input itself)");
  }
}

}  // namespace
}  // namespace perdita
