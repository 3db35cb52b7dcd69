// Making tensors, looking into them, changing them.
#include "perdita/tensor/tensor.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "perdita/core/parallel.hpp"
#include "perdita/core/random.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

using Floats = std::vector<float>;

TEST(Tensor, IsMadeOfValues) {
  const Tensor x = Tensor::from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(x.shape(), (Shape{2, 3}));
  EXPECT_EQ(x.dtype(), DType::float32);
  EXPECT_EQ(x.data<float>()[4], 5);
  EXPECT_EQ(Tensor::full({2}, 7, DType::int64).to_vector<std::int64_t>(), (std::vector<std::int64_t>{7, 7}));
  EXPECT_EQ(Tensor::arange(1, 2, 0.25, DType::float32).to_vector<float>(), (Floats{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(Tensor::arange(3).to_vector<float>(), (Floats{0, 1, 2}));
  EXPECT_THROW(Tensor::from<float>({1, 2}, {3}), ShapeError);
  EXPECT_THROW(Tensor::arange(0, 1, -1), ValueError);
  EXPECT_THROW(Tensor::empty({-1}), ShapeError);
  EXPECT_THROW(Tensor::empty({std::int64_t{1} << 40, std::int64_t{1} << 40}), ShapeError);
}

TEST(Tensor, SharesTheMemoryOfAnArray) {
  const Array array = Array::empty({3}, DType::float64);
  const Tensor x = Tensor::from(array);
  x.fill_(4);
  EXPECT_EQ(array.data<double>()[2], 4);
  EXPECT_EQ(x.to_array().data<double>(), array.data<double>());
  EXPECT_EQ(x.slice(0, 1, 3).to_array().shape, (Shape{2}));
}

TEST(Tensor, DrawsDoNotDependOnThreads) {
  const Shape shape{300, 301};
  set_num_threads(1);
  const Tensor one = Tensor::randn(shape, 5, 6), uniform = Tensor::rand(shape, 5, 6);
  set_num_threads(2);
  EXPECT_EQ(one.to_vector<float>(), Tensor::randn(shape, 5, 6).to_vector<float>());
  EXPECT_EQ(one.data<float>()[70000], static_cast<float>(Philox(5, 6).normal(70000)));
  EXPECT_LT(max(uniform).item(), 1.0);
  EXPECT_NEAR(mean(uniform).item(), 0.5, 0.01);
}

TEST(Tensor, ConvertsWithoutUndefinedBehaviour) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from<float>({-1.5f, 0, 300, infinity, -infinity, std::nanf("")});
  EXPECT_EQ(x.to(DType::uint8).to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{0, 0, 255, 255, 0, 0}));
  EXPECT_EQ(x.to(DType::boolean).to_vector<bool>(), (std::vector<bool>{true, false, true, true, true, true}));
  EXPECT_EQ(x.to(DType::int64).to_vector<std::int64_t>()[3], std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Tensor::from<bool>({true, false}).to(DType::float32).to_vector<float>(), (Floats{1, 0}));
}

TEST(Tensor, SaysWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_THROW(x.data<double>(), DTypeError);
  EXPECT_THROW(x.t().data<float>(), ShapeError);
  EXPECT_THROW(x.item(), ShapeError);
  EXPECT_THROW(x.copy_(Tensor::zeros({2})), ShapeError);
  EXPECT_THROW(Tensor().item(), ValueError);
  EXPECT_THROW(x + Tensor(), ValueError);
  try {
    x + Tensor::zeros({2, 4});
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_STREQ(
        error.what(),
        "add: shapes [2, 3] and [2, 4] cannot be broadcast together: sizes 3 and 4 differ (valid: the same, or 1)");
  }
}

TEST(Tensor, IsWrittenShortened) {
  EXPECT_EQ(to_string(Tensor::from<float>({1, 2.5f, 3, 4}, {2, 2})),
            "Tensor([[1, 2.5],\n        [3, 4]], shape=[2, 2], float32)");
  EXPECT_EQ(to_string(Tensor::from<bool>({true})), "Tensor([true], shape=[1], bool)");
  EXPECT_EQ(to_string(Tensor()), "Tensor(undefined)");
  std::ostringstream stream;
  stream << Tensor::arange(2000);
  EXPECT_EQ(stream.str(), "Tensor([0, 1, 2, ..., 1997, 1998, 1999], shape=[2000], int64)");
}

TEST(InPlace, WritesThroughViews) {
  const Tensor x = Tensor::zeros({3, 4});
  x.select(0, 1).fill_(2);
  x.t().slice(0, 0, 4, 3).add_(Tensor::from<float>({1, 2, 3}));
  EXPECT_EQ(x.to_vector<float>(), (Floats{1, 0, 0, 1, 4, 2, 2, 4, 3, 0, 0, 3}));
  x.mul_(2.0).add_(Tensor::ones({4}), -1);
  EXPECT_EQ(x.select(0, 2).to_vector<float>(), (Floats{5, -1, -1, 5}));
  x.copy_(x.select(0, 0).clone());
  EXPECT_EQ(x.select(0, 2).to_vector<float>(), (Floats{1, -1, -1, 1}));
}

TEST(InPlace, OnOverlappingViewsReadsFirst) {
  const Tensor x = Tensor::arange(0, 6, 1, DType::float32);
  x.slice(0, 1, 6).copy_(x.slice(0, 0, 5));
  EXPECT_EQ(x.to_vector<float>(), (Floats{0, 0, 1, 2, 3, 4}));
  const Tensor rows = Tensor::arange(0, 60, 1, DType::float32).reshape({20, 3}), part = rows.slice(1, 0, 2);
  part.slice(0, 1, 20).copy_(part.slice(0, 0, 19));
  EXPECT_EQ(rows.select(0, 19).to_vector<float>(), (Floats{54, 55, 59}));
  const Tensor m = Tensor::from<float>({1, 2, 3, 4}, {2, 2});
  m.add_(m.t());
  EXPECT_EQ(m.to_vector<float>(), (Floats{2, 5, 5, 8}));
}

}  // namespace
}  // namespace perdita
