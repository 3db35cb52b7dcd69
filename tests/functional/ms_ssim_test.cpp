// Structural similarity at several scales. Its definition by whole windows is in tests/python/test_images.py.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "functional/refusal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/all.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

Tensor images(const Shape& shape, std::uint64_t seed, DType dtype = DType::float64) {
  return Tensor::rand(shape, seed, 0, DType::float64).to(dtype);
}

constexpr MsSsim small{.window = 3, .scales = 2, .weights = ScaleWeights::uniform};

TEST(MsSsim, OfOneScaleIsSsim) {
  const Tensor x = images({2, 3, 13, 12}, 1), y = images({2, 3, 13, 12}, 2);
  for (const ImagePadding padding : {ImagePadding::valid, ImagePadding::reflect}) {
    const MsSsim loss{.padding = padding, .scales = 1, .weights = ScaleWeights::uniform};
    const auto found = F::ms_ssim_loss(x, y, loss, {.reduction = Reduction::none}).to_vector<double>();
    // The power 1 / 1 of the mean of each channel, then the mean over channels
    const auto expected = F::ssim_loss(x, y, {.padding = padding}, {.reduction = Reduction::none}).to_vector<double>();
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found[i], expected[i], 1e-14);
  }
}

// Of odd sizes, of which the last row and column count twice.
TEST(MsSsim, GradientsAgreeWithDifferences) {
  for (const MsSsim& loss :
       {small, MsSsim{.window = 3, .data_range = 2, .padding = ImagePadding::reflect, .scales = 3}}) {
    for (const Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      const Tensor upstream = Tensor::from({0.5, -2.0});
      const auto call = [&](const std::vector<Tensor>& x) {
        const Tensor weight = x.size() > 2 ? x[2] : Tensor::from({0.5, 3.0});
        const Tensor value = F::ms_ssim_loss(x[0], x[1], loss, {.weight = weight, .reduction = reduction});
        return value.rank() > 0 ? value * upstream : value;
      };
      // Nearly equal images, whose similarities are positive
      const Tensor x = images({2, 2, 7, 9}, 5), y = x + images({2, 2, 7, 9}, 6) * 0.3;
      const Tensor weight = Tensor::from({0.25, 2.0});
      Tensor target = y.detach().clone();
      x.set_requires_grad(), target.set_requires_grad(), weight.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {x, target}), "");
      EXPECT_EQ(check_gradient(call, {x, target, weight}), "");
    }
  }
  const Tensor x = images({1, 1, 5, 6}, 9), y = (x + images({1, 1, 5, 6}, 10) * 0.3).clone();
  x.set_requires_grad(), y.set_requires_grad();
  const auto call = [](const std::vector<Tensor>& p) { return F::ms_ssim_loss(p[0], p[1], small); };
  EXPECT_EQ(check_gradient(call, {x, y}, {.relative = 1e-5, .second_order = true}), "");
}

TEST(MsSsim, OfEqualAndNearlyEqualImages) {
  for (DType dtype : {DType::float32, DType::float64}) {
    const Tensor x = images({2, 1, 165, 161}, 11, dtype), y = x.clone();
    x.set_requires_grad();
    const Tensor loss = F::ms_ssim_loss(x, y);
    loss.backward();
    EXPECT_EQ(loss.item(), 0);
    for (const double slope : x.grad().to(DType::float64).to_vector<double>()) ASSERT_EQ(slope, 0);
  }
  const Tensor x = images({1, 1, 12, 12}, 12), noise = images({1, 1, 12, 12}, 13);
  const double near = F::ms_ssim_loss(x, x + noise * 0x1p-40, small).item(),
               less_near = F::ms_ssim_loss(x, x + noise * 0x1p-20, small).item();
  EXPECT_GT(near, 0);
  EXPECT_NEAR(near / less_near, 0x1p-40, 0x1p-40 * 1e-3);
}

// The negative of an image has a negative covariance: the loss is 1, and no direction improves it.
TEST(MsSsim, WhereASimilarityIsNotPositive) {
  const Tensor x = images({1, 2, 8, 8}, 14), y = (1.0 - x).clone();
  x.set_requires_grad();
  const Tensor loss = F::ms_ssim_loss(x, y, small);
  loss.backward();
  EXPECT_EQ(loss.item(), 1);
  for (const double slope : x.grad().to_vector<double>()) EXPECT_EQ(slope, 0);
  const Tensor weight = Tensor::from({1.0}).set_requires_grad();  // by recorded operators
  EXPECT_EQ(F::ms_ssim_loss(x, y, small, {.weight = weight}).item(), 1);
}

TEST(MsSsim, NanReachesTheImageThatHasIt) {
  const Tensor x = images({2, 1, 8, 8}, 18), y = images({2, 1, 8, 8}, 19);
  x.mutable_data<double>()[0] = std::nan("");
  for (const bool recorded : {false, true}) {
    const Tensor weight = Tensor::ones({2}, DType::float64);
    if (recorded) weight.set_requires_grad();
    const auto found =
        F::ms_ssim_loss(x, y, small, {.weight = weight, .reduction = Reduction::none}).detach().to_vector<double>();
    EXPECT_TRUE(std::isnan(found[0]));
    EXPECT_FALSE(std::isnan(found[1]));
  }
}

TEST(MsSsim, DoesNotDependOnThreads) {
  const Tensor x = images({3, 2, 20, 21}, 20), y = images({3, 2, 20, 21}, 21);
  const auto results = [&] {
    const Tensor leaf = x.clone();
    leaf.set_requires_grad();
    const Tensor loss = F::ms_ssim_loss(leaf, y, small);
    loss.backward();
    auto all = leaf.grad().to_vector<double>();
    all.push_back(loss.item());
    return all;
  };
  const int threads = num_threads();
  set_num_threads(1);
  const auto one = results();
  set_num_threads(4);
  EXPECT_EQ(results(), one);
  set_num_threads(threads);
}

TEST(MsSsim, RefusesWhatIsNotValid) {
  const Tensor x = images({1, 1, 160, 200}, 1);
  EXPECT_EQ(refusal<ShapeError>([&] { F::ms_ssim_loss(x, x); }),
            "ms_ssim_loss: input has shape [1, 1, 160, 200], which is too small for a window of 11 with padding=valid "
            "after it is halved 4 times (valid: at least 161 in height and width, or window=9, or fewer scales)");
  EXPECT_THROW(F::ms_ssim_loss(x, x, {.scales = 6}), ValueError);
  EXPECT_THROW(F::ms_ssim_loss(x, x, {.window = 4}), ValueError);
  EXPECT_THROW(F::ms_ssim_loss(x, images({1, 1, 160, 201}, 1)), ShapeError);
  EXPECT_NO_THROW(F::ms_ssim_loss(x, x, {.scales = 4}));
}

}  // namespace
}  // namespace perdita
