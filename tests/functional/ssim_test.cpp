// Structural similarity of images, against its textbook form as loops over whole windows.
#include <gtest/gtest.h>

#include <algorithm>
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
using Numbers = std::vector<double>;
using Real = long double;

/// A plane that is extended by reflection.
struct Reflected {
  const double* pixels;
  std::int64_t height, width;

  static std::int64_t inside(std::int64_t i, std::int64_t size) {
    const std::int64_t at = std::abs(i);
    return at < size ? at : 2 * (size - 1) - at;
  }
  Real at(std::int64_t row, std::int64_t column) const {
    return pixels[inside(row, height) * width + inside(column, width)];
  }
};

/// The similarity in the window around a position.
Real similarity(const Reflected& x, const Reflected& y, std::int64_t row, std::int64_t column, const Ssim& loss) {
  const std::int64_t radius = loss.window / 2;
  Real total = 0, mx = 0, my = 0, vx = 0, vy = 0, covariance = 0;
  const auto each = [&](const auto& visit) {
    for (std::int64_t i = -radius; i <= radius; ++i) {
      for (std::int64_t j = -radius; j <= radius; ++j) {
        const Real square = static_cast<Real>(i * i + j * j);
        visit(std::exp(-square / (2 * static_cast<Real>(loss.sigma) * static_cast<Real>(loss.sigma))),
              x.at(row + i, column + j), y.at(row + i, column + j));
      }
    }
  };
  each([&](Real w, Real a, Real b) { total += w, mx += w * a, my += w * b; });
  mx /= total, my /= total;
  each([&](Real w, Real a, Real b) {
    vx += w * (a - mx) * (a - mx) / total;
    vy += w * (b - my) * (b - my) / total;
    covariance += w * (a - mx) * (b - my) / total;
  });
  const Real c1 = std::pow(static_cast<Real>(loss.k1) * static_cast<Real>(loss.data_range), 2),
             c2 = std::pow(static_cast<Real>(loss.k2) * static_cast<Real>(loss.data_range), 2);
  return (2 * mx * my + c1) / (mx * mx + my * my + c1) * (2 * covariance + c2) / (vx + vy + c2);
}

Numbers defined(const Tensor& input, const Tensor& target, const Ssim& loss) {
  const Numbers x = input.to(DType::float64).to_vector<double>(), y = target.to(DType::float64).to_vector<double>();
  const std::int64_t height = input.size(-2), width = input.size(-1), channels = input.size(-3);
  const std::int64_t edge = loss.padding == ImagePadding::valid ? loss.window / 2 : 0;
  Numbers losses;
  for (std::int64_t image = 0; image < input.numel() / (channels * height * width); ++image) {
    Real sum = 0;
    for (std::int64_t c = image * channels; c < (image + 1) * channels; ++c) {
      const Reflected a{x.data() + c * height * width, height, width}, b{y.data() + c * height * width, height, width};
      for (std::int64_t i = edge; i < height - edge; ++i)
        for (std::int64_t j = edge; j < width - edge; ++j) sum += 1 - similarity(a, b, i, j, loss);
    }
    losses.push_back(static_cast<double>(sum / static_cast<Real>(channels * (height - 2 * edge) * (width - 2 * edge))));
  }
  return losses;
}

Tensor images(const Shape& shape, std::uint64_t seed, DType dtype = DType::float64) {
  return Tensor::rand(shape, seed, 0, DType::float64).to(dtype);
}

Numbers losses_of(const Tensor& x, const Tensor& y, const Ssim& loss) {
  return F::ssim_loss(x, y, loss, {.reduction = Reduction::none}).to(DType::float64).to_vector<double>();
}

const std::vector<Ssim> variants{{},
                                 {.padding = ImagePadding::reflect},
                                 {.window = 3, .sigma = 0.7, .data_range = 2.5, .k1 = 0.03, .k2 = 0.2},
                                 {.window = 1},
                                 {.window = 7, .sigma = 30, .padding = ImagePadding::reflect}};

TEST(Ssim, IsItsDefinition) {
  for (const Ssim& loss : variants) {
    for (const Shape& shape : {Shape{2, 3, 11, 11}, Shape{1, 1, 12, 29}, Shape{3, 2, 20, 13}}) {
      const Tensor x = images(shape, 1), y = images(shape, 2);
      const Numbers expected = defined(x, y, loss), found = losses_of(x, y, loss);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-14);
    }
  }
  const Tensor x = images({3, 11, 14}, 3), y = images({3, 11, 14}, 4);
  EXPECT_EQ(F::ssim_loss(x, y).shape(), Shape{});
  EXPECT_NEAR(F::ssim_loss(x, y, {.reduction = Reduction::none}).item(), defined(x, y, {})[0], 1e-14);
}

TEST(Ssim, GradientsAgreeWithDifferences) {
  for (const Ssim& loss : variants) {
    if (loss.window == 11 && loss.padding == ImagePadding::valid) continue;  // below, on a larger image
    for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      const Tensor upstream = Tensor::from({0.5, -2.0});
      const auto call = [&](const std::vector<Tensor>& x) {
        const Tensor weight = x.size() > 2 ? x[2] : Tensor::from({0.5, 3.0});
        const Tensor value = F::ssim_loss(x[0], x[1], loss, {.weight = weight, .reduction = reduction});
        return value.rank() > 0 ? value * upstream : value;
      };
      const Tensor x = images({2, 2, 7, 8}, 5), y = images({2, 2, 7, 8}, 6), weight = Tensor::from({0.25, 2.0});
      x.set_requires_grad(), y.set_requires_grad(), weight.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {x, y}), "");
      EXPECT_EQ(check_gradient(call, {x, y, weight}), "");
    }
  }
  const Tensor x = images({1, 1, 12, 13}, 7), y = images({1, 1, 12, 13}, 8);
  x.set_requires_grad(), y.set_requires_grad();
  EXPECT_EQ(check_gradient([](const std::vector<Tensor>& p) { return F::ssim_loss(p[0], p[1]); }, {x, y}), "");
}

TEST(Ssim, SecondDerivativesAgreeWithDifferences) {
  for (const Ssim& loss : {Ssim{.window = 3}, Ssim{.window = 3, .padding = ImagePadding::reflect}}) {
    const Tensor x = images({1, 2, 4, 3}, 9), y = images({1, 2, 4, 3}, 10);
    x.set_requires_grad(), y.set_requires_grad();
    const auto call = [&](const std::vector<Tensor>& p) { return F::ssim_loss(p[0], p[1], loss); };
    EXPECT_EQ(check_gradient(call, {x, y}, {.relative = 1e-5, .second_order = true}), "");
  }
}

TEST(Ssim, OfEqualAndFlatImages) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Ssim& loss : variants) {
      const Tensor x = images({2, 1, 13, 12}, 11, dtype), y = x.clone();
      x.set_requires_grad(), y.set_requires_grad();
      const Tensor value = F::ssim_loss(x, y, loss);
      value.backward();
      EXPECT_EQ(value.item(), 0);
      for (const Tensor& image : {x, y})
        for (const double slope : image.grad().to(DType::float64).to_vector<double>()) EXPECT_EQ(slope, 0);
    }
    const Tensor bright = Tensor::full({1, 1, 11, 11}, 0.9, dtype), dark = Tensor::full({1, 1, 11, 11}, 0.3, dtype);
    EXPECT_EQ(F::ssim_loss(bright, bright).item(), 0);
    EXPECT_EQ(F::ssim_loss(dark * 0.0, dark * 0.0).item(), 0);
    EXPECT_NEAR(F::ssim_loss(bright, dark).item(), 1 - (0.54 + 1e-4) / (0.81 + 0.09 + 1e-4), 1e-7);
  }
  // Nearly equal images keep the digits of their loss, which is far below the roundoff of the similarity.
  const Tensor x = images({1, 1, 12, 12}, 12), noise = images({1, 1, 12, 12}, 13);
  const double near = F::ssim_loss(x, x + noise * 0x1p-40).item(),
               less_near = F::ssim_loss(x, x + noise * 0x1p-20).item();
  EXPECT_GT(near, 0);
  EXPECT_NEAR(near / less_near, 0x1p-40, 0x1p-40 * 1e-3);
}

TEST(Ssim, OfBrightFlatPatchesInFloat) {
  // Noise of 1 to 4 on a brightness of 2^20, while the range is 1: variances of squares would have lost it.
  const Tensor noise = images({1, 1, 16, 16}, 14), other = images({1, 1, 16, 16}, 15);
  const Tensor x = (1048576.0 + 0.5 * (noise * 8.0).to(DType::int64).to(DType::float64)).to(DType::float32),
               y = (1048576.0 + 0.5 * (other * 8.0).to(DType::int64).to(DType::float64)).to(DType::float32);
  EXPECT_NEAR(F::ssim_loss(x, y).item(), defined(x, y, {})[0], 1e-7);
  const Tensor narrow = x.clone(), wide = x.to(DType::float64);
  narrow.set_requires_grad(), wide.set_requires_grad();
  F::ssim_loss(narrow, y).backward();
  F::ssim_loss(wide, y.to(DType::float64)).backward();
  const Numbers found = narrow.grad().to(DType::float64).to_vector<double>(), exact = wide.grad().to_vector<double>();
  const double largest = std::abs(*std::max_element(exact.begin(), exact.end()));
  for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(found[i], exact[i], 1e-7 * largest);
  EXPECT_EQ(check_gradient([&](const std::vector<Tensor>& p) { return F::ssim_loss(p[0], y.to(DType::float64)); },
                           {wide}, {.step = 0x1p-10, .relative = 1e-3, .absolute = 1e-5 * largest}),
            "");
}

TEST(Ssim, ScalesWithTheRange) {
  const Tensor x = images({1, 2, 12, 12}, 16), y = images({1, 2, 12, 12}, 17);
  const double expected = F::ssim_loss(x, y).item();
  for (const double range : {255.0, 1e6, 1e-6, 1e200, 1e-200, 1e300}) {
    const Tensor large = x * range;
    large.set_requires_grad();
    const Tensor loss = F::ssim_loss(large, y * range, Ssim{.data_range = range});
    EXPECT_NEAR(loss.item(), expected, 1e-14);
    loss.backward();
    EXPECT_LT(0, std::abs(large.grad().to_vector<double>()[77]) * range);
  }
  const Tensor huge = x.to(DType::float32) * 3e37;
  EXPECT_NEAR(F::ssim_loss(huge, y.to(DType::float32) * 3e37, Ssim{.data_range = 3e37}).item(), expected, 1e-6);
  EXPECT_TRUE(std::isfinite(F::ssim_loss(huge, y.to(DType::float32)).item()));
}

TEST(Ssim, NanReachesTheImageThatHasIt) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const Tensor x = images({2, 1, 12, 12}, 18), y = images({2, 1, 12, 12}, 19);
    x.mutable_data<double>()[0] = bad;
    x.set_requires_grad();
    const Tensor losses = F::ssim_loss(x, y, {.reduction = Reduction::none});
    const Numbers found = losses.detach().to_vector<double>();
    EXPECT_TRUE(std::isnan(found[0]));
    EXPECT_TRUE(std::isfinite(found[1]));
    sum(losses).backward();
    const Numbers slopes = x.grad().to_vector<double>();
    EXPECT_TRUE(std::isnan(slopes[5 * 12 + 5]));
    // The last column is in no window with the first pixel.
    EXPECT_TRUE(std::isfinite(slopes[11]) && std::isfinite(slopes[143]));
    for (std::size_t i = 144; i < 288; ++i) EXPECT_TRUE(std::isfinite(slopes[i]));
  }
}

TEST(Ssim, IsIdenticalForAnyNumberOfThreads) {
  const int before = num_threads();
  std::vector<Numbers> all;
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (const Ssim& loss : {Ssim{}, Ssim{.padding = ImagePadding::reflect}}) {
      const Tensor x = images({3, 3, 24, 31}, 20, DType::float32), y = images({3, 3, 24, 31}, 21, DType::float32);
      x.set_requires_grad(), y.set_requires_grad();
      const Tensor value = F::ssim_loss(x, y, loss);
      value.backward();
      Numbers bits = {value.item()};
      for (const Tensor& image : {x, y})
        for (const float slope : image.grad().to_vector<float>()) bits.push_back(static_cast<double>(slope));
      all.push_back(bits);
    }
  }
  set_num_threads(before);
  for (std::size_t i = 2; i < all.size(); ++i) EXPECT_EQ(all[i], all[i % 2]);
}

TEST(Ssim, ReducesToNumbersPerImage) {
  const Tensor x = images({4, 1, 11, 12}, 22), y = images({4, 1, 11, 12}, 23),
               weight = Tensor::from({1.0, 0.0, 2.0, 0.5});
  const Numbers each = defined(x, y, {});
  const double sum = each[0] + 2 * each[2] + 0.5 * each[3];
  LossExtras extras;
  EXPECT_NEAR(F::ssim_loss(x, y, {.weight = weight, .extras = &extras}).item(), sum / 4, 1e-14);
  EXPECT_EQ(extras.denominator, 4);
  EXPECT_EQ(extras.losses.to_vector<double>()[1], 0);
  EXPECT_NEAR(F::ssim_loss(x, y, {.weight = weight, .normalize_by = Normalize::weight_sum}).item(), sum / 3.5, 1e-14);
  EXPECT_TRUE(std::isnan(F::ssim_loss(x, y, {.weight = weight * 0.0, .normalize_by = Normalize::weight_sum}).item()));
  EXPECT_TRUE(std::isnan(
      F::ssim_loss(Tensor::empty({0, 3, 11, 11}), Tensor::empty({0, 3, 11, 11}), {.extras = &extras}).item()));
  EXPECT_EQ(extras.denominator, 0);
  EXPECT_EQ(F::ssim_loss(x.select(0, 2), y.select(0, 2), {.weight = Tensor::from({2.0})}).item(), 2 * each[2]);
  // A pixel that is not a number does not reach an image of weight 0.
  x.mutable_data<double>()[140] = std::nan("");
  x.set_requires_grad();
  const Tensor value = F::ssim_loss(x, y, {.weight = weight});
  value.backward();
  EXPECT_NEAR(value.item(), sum / 4, 1e-14);
  EXPECT_EQ(x.grad().to_vector<double>()[140], 0);
}

TEST(Ssim, IsFiniteForTinyConstants) {
  const Tensor black = Tensor::zeros({1, 1, 11, 11}, DType::float64), x = images({1, 1, 11, 11}, 30);
  EXPECT_EQ(F::ssim_loss(black, black, Ssim{.k1 = 1e-200, .k2 = 1e-200}).item(), 0);
  EXPECT_EQ(F::ssim_loss(x, x, Ssim{.data_range = 1e-310}).item(), 0);
  EXPECT_TRUE(std::isfinite(F::ssim_loss(x * 1e-310, black, Ssim{.data_range = 1e-310}).item()));
}

TEST(Ssim, RefusesWhatItCannotUse) {
  const Tensor x = images({1, 3, 8, 32}, 24);
  EXPECT_EQ(
      refusal<ShapeError>([&] { F::ssim_loss(x, x); }),
      "ssim_loss: input has shape [1, 3, 8, 32], which is too small for a window of 11 with padding=valid (valid: at "
      "least 11 in height and width, or window=7)");
  EXPECT_EQ(
      refusal<ShapeError>([&] { F::ssim_loss(x, x, Ssim{.window = 17, .padding = ImagePadding::reflect}); }),
      "ssim_loss: input has shape [1, 3, 8, 32], which is too small for a window of 17 with padding=reflect (valid: "
      "at least 9 in height and width, or window=15)");
  EXPECT_EQ(F::ssim_loss(x, x, Ssim{.window = 7}).item(), 0);
  EXPECT_EQ(F::ssim_loss(x, x, Ssim{.window = 15, .padding = ImagePadding::reflect}).item(), 0);
  EXPECT_EQ(refusal<ValueError>([&] { F::ssim_loss(x, x, Ssim{.window = 4}); }),
            "ssim_loss: window is 4 (valid: odd numbers)");
  EXPECT_EQ(refusal<ShapeError>([&] {
              F::ssim_loss(x.reshape({24, 32}), x);
            }),
            "ssim_loss: input has shape [24, 32] (valid: [N, C, H, W] or [C, H, W], with channels)");
  EXPECT_EQ(refusal<ShapeError>([&] {
              F::ssim_loss(x, x.reshape({3, 8, 32}));
            }),
            "ssim_loss: target has shape [3, 8, 32], but input has [1, 3, 8, 32] (valid: the same)");
  EXPECT_EQ(refusal<ShapeError>([&] {
              F::ssim_loss(x, x, Ssim{.window = 3}, {.weight = Tensor::from({1.0, 2.0})});
            }),
            "ssim_loss: weight of shape [2] does not broadcast to the shape [1] of the losses");
}

}  // namespace
}  // namespace perdita
