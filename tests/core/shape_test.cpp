#include "perdita/core/shape.hpp"

#include <gtest/gtest.h>

namespace perdita {
namespace {

TEST(Shape, BroadcastsByNumPysRule) {
  EXPECT_EQ(broadcast_shapes({2, 1, 3}, {4, 1}, "add"), Shape({2, 4, 3}));
  EXPECT_EQ(broadcast_shapes({}, {2}, "add"), Shape({2}));
  EXPECT_EQ(broadcast_shapes({0, 3}, {1}, "add"), Shape({0, 3}));
}

TEST(Shape, BroadcastErrorNamesOperationAndShapes) {
  try {
    broadcast_shapes({2, 3}, {4}, "mse_loss");
    FAIL() << "expected ShapeError";
  } catch (const ShapeError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "mse_loss: shapes [2, 3] and [4] cannot be broadcast together: sizes 3 and 4 differ (valid: the same, or 1)");
  }
}

TEST(Shape, CollapseMergesWhatAllOperandsWalkAlike) {
  Shape shape{2, 3, 4};
  Strides operands[] = {{12, 4, 1}, {0, 4, 1}};  // the second repeats along the first dimension
  collapse(shape, operands);
  EXPECT_EQ(shape, Shape({2, 12}));
  EXPECT_EQ(operands[0], Strides({12, 1}));
  EXPECT_EQ(operands[1], Strides({0, 1}));
}

TEST(Shape, CollapseDropsSizeOne) {
  Shape shape{1, 5, 1};
  Strides operands[] = {{7, 2, 9}};
  collapse(shape, operands);
  EXPECT_EQ(shape, Shape({5}));
  EXPECT_EQ(operands[0], Strides({2}));
}

TEST(Shape, ContiguityIgnoresStridesOfSizeOne) {
  EXPECT_TRUE(is_contiguous({2, 1, 3}, {3, 99, 1}));
  EXPECT_FALSE(is_contiguous({2, 3}, {1, 2}));
  EXPECT_TRUE(is_contiguous({0, 3}, {1, 2}));
}

TEST(Shape, NegativeDimensionsCountFromTheEnd) {
  EXPECT_EQ(normalize_dim(-1, 3, "sum"), 2);
  EXPECT_THROW(normalize_dim(3, 3, "sum"), IndexError);
}

TEST(Shape, RankIsBounded) { EXPECT_THROW(Shape(9, 1), ShapeError); }

}  // namespace
}  // namespace perdita
