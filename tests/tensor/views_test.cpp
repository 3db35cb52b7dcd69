// Views and functions that move elements, against loops over indices.
#include <gtest/gtest.h>

#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

using Floats = std::vector<float>;
using Longs = std::vector<std::int64_t>;

Tensor counting(const Shape& shape) {
  return Tensor::arange(0, static_cast<double>(numel(shape)), 1, DType::float32).reshape(shape);
}

TEST(Views, ShareMemoryWithTheirSource) {
  const Tensor x = counting({2, 3, 4});
  EXPECT_EQ(x.select(1, -1).to_vector<float>(), (Floats{8, 9, 10, 11, 20, 21, 22, 23}));
  EXPECT_EQ(x.slice(2, 1, 100, 2).select(0, 1).to_vector<float>(), (Floats{13, 15, 17, 19, 21, 23}));
  EXPECT_EQ(x.slice(1, -2, -1).to_vector<float>(), (Floats{4, 5, 6, 7, 16, 17, 18, 19}));
  EXPECT_EQ(x.slice(1, 2, 1).shape(), (Shape{2, 0, 4}));
  EXPECT_EQ(x.permute({2, 0, 1}).select(0, 1).to_vector<float>(), (Floats{1, 5, 9, 13, 17, 21}));
  EXPECT_EQ(x.transpose(0, -1).select(0, 3).to_vector<float>(), (Floats{3, 15, 7, 19, 11, 23}));
  EXPECT_EQ(x.unsqueeze(-1).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(x.select(0, 0).unsqueeze(0).squeeze().shape(), (Shape{3, 4}));
  EXPECT_EQ(x.flatten(1).shape(), (Shape{2, 12}));
  EXPECT_EQ(x.reshape({4, -1}).shape(), (Shape{4, 6}));
  EXPECT_EQ(counting({3}).unsqueeze(1).expand({3, 2}).to_vector<float>(), (Floats{0, 0, 1, 1, 2, 2}));
  x.permute({2, 1, 0}).select(0, 0).fill_(-1);
  EXPECT_EQ(x.data<float>()[20], -1);
}

TEST(Views, ReshapeCopiesOnlyWhenItMust) {
  const Tensor x = counting({4, 6});
  EXPECT_EQ(x.slice(0, 1, 3).reshape({2, 2, 3}).data<float>(), x.data<float>() + 6);
  EXPECT_NO_THROW(x.slice(1, 0, 4).view({4, 2, 2}));
  EXPECT_THROW(x.slice(1, 0, 4).view({16}), ShapeError);
  EXPECT_THROW(x.t().view({24}), ShapeError);
  EXPECT_EQ(x.t().reshape({24}).to_vector<float>()[1], 6);
  EXPECT_EQ(Tensor::zeros({0, 3}).reshape({3, 0}).shape(), (Shape{3, 0}));
}

TEST(Views, SayWhatIsOutOfRange) {
  const Tensor x = counting({2, 3});
  EXPECT_THROW(x.select(0, 2), IndexError);
  EXPECT_THROW(x.select(2, 0), IndexError);
  EXPECT_THROW(x.slice(0, 0, 1, 0), ValueError);
  EXPECT_THROW(x.permute({0, 0}), ValueError);
  EXPECT_THROW(x.permute({0}), ShapeError);
  EXPECT_THROW(x.reshape({4, 2}), ShapeError);
  EXPECT_THROW(x.expand({3, 3}), ShapeError);
  EXPECT_THROW(x.select(0, 0).t(), ShapeError);
}

TEST(Contiguous, TurnsLargeMatrices) {
  const Tensor x = counting({70, 90});
  const Tensor turned = x.t().contiguous();
  for (std::int64_t r = 0; r < 90; ++r) {
    for (std::int64_t c = 0; c < 70; ++c) ASSERT_EQ(turned.data<float>()[r * 70 + c], x.data<float>()[c * 90 + r]);
  }
}

TEST(Gather, PicksByIndex) {
  const Tensor x = counting({2, 3});
  EXPECT_EQ(gather(x, 1, Tensor::from<std::int64_t>({2, 0}, {2, 1})).to_vector<float>(), (Floats{2, 3}));
  EXPECT_EQ(gather(x, 0, Tensor::from<std::int64_t>({1, 0}, {1, 2})).to_vector<float>(), (Floats{3, 1}));
  EXPECT_EQ(index_select(x, 1, Tensor::from<std::int64_t>({2, 2, 0})).to_vector<float>(), (Floats{2, 2, 0, 5, 5, 3}));
  EXPECT_EQ(index_rows(x, Tensor::from<std::int64_t>({1, 1}, {1, 2})).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(index_select(x.t(), 0, Tensor::from<std::int64_t>({1})).to_vector<float>(), (Floats{1, 4}));
  EXPECT_EQ(cat({x, x.slice(1, 0, 1)}, 1).to_vector<float>(), (Floats{0, 1, 2, 0, 3, 4, 5, 3}));
  EXPECT_EQ(stack({x, x}, -1).shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(cat({Tensor::arange(2), Tensor::ones({1})}).dtype(), DType::float32);
  EXPECT_EQ(one_hot(Tensor::from<std::int64_t>({1, 0}), 3).to_vector<std::int64_t>(), (Longs{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(one_hot(Tensor::from<std::int64_t>({1, 0})).shape(), (Shape{2, 2}));
}

TEST(Gather, SaysWhichIndexIsWrong) {
  const Tensor x = counting({2, 3});
  try {
    index_select(x, 0, Tensor::from<std::int64_t>({1, 2}));
    FAIL();
  } catch (const IndexError& error) {
    EXPECT_STREQ(error.what(), "index_select: index[1] is 2 (valid: 0..1)");
  }
  EXPECT_THROW(gather(x, 1, Tensor::from<std::int64_t>({-1, 0}, {2, 1})), IndexError);
  EXPECT_THROW(gather(x, 1, Tensor::from<std::int64_t>({0})), ShapeError);
  EXPECT_THROW(gather(x, 1, Tensor::zeros({2, 1})), DTypeError);
  EXPECT_THROW(cat({x, counting({3, 4})}), ShapeError);
  EXPECT_THROW(stack({x, counting({3, 2})}), ShapeError);
  EXPECT_THROW(one_hot(Tensor::from<std::int64_t>({3}), 3), IndexError);
}

}  // namespace
}  // namespace perdita
