// Total variation of images, against its definition as a loop.
#include <gtest/gtest.h>

#include <cmath>

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

const std::vector<TotalVariation> variants{
    {}, {.norm = VariationNorm::squared}, {.norm = VariationNorm::isotropic, .eps = 1e-3}};

Numbers defined(const Tensor& images, const TotalVariation& loss) {
  const Numbers x = images.to(DType::float64).to_vector<double>();
  const std::int64_t channels = images.size(-3), height = images.size(-2), width = images.size(-1);
  Numbers losses(static_cast<std::size_t>(images.numel() / (channels * height * width)));
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto i = static_cast<std::int64_t>(k), column = i % width, row = i / width % height;
    const double right = column + 1 < width ? x[k + 1] - x[k] : 0;
    const double below = row + 1 < height ? x[k + static_cast<std::size_t>(width)] - x[k] : 0;
    losses[static_cast<std::size_t>(i / (channels * height * width))] +=
        loss.norm == VariationNorm::l1        ? std::abs(right) + std::abs(below)
        : loss.norm == VariationNorm::squared ? right * right + below * below
                                              : std::sqrt(right * right + below * below + loss.eps);
  }
  return losses;
}

TEST(TotalVariation, IsItsDefinition) {
  for (const TotalVariation& loss : variants) {
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 1, 1, 1}, Shape{3, 1, 1, 17}, Shape{2, 2, 19, 1}}) {
      const Tensor x = Tensor::randn(shape, 1, 0, DType::float64);
      const Numbers expected = defined(x, loss),
                    found = F::total_variation_loss(x, loss, {.reduction = Reduction::none}).to_vector<double>();
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13);
    }
  }
  const Tensor one = Tensor::randn({2, 3, 9}, 2);
  EXPECT_EQ(F::total_variation_loss(one).shape(), Shape{});
  EXPECT_NEAR(F::total_variation_loss(one).item(), defined(one, {})[0], 1e-5);
}

TEST(TotalVariation, DerivativesAgreeWithDifferences) {
  for (const TotalVariation& loss : variants) {
    for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      const Tensor x = Tensor::randn({2, 2, 3, 4}, 3, 0, DType::float64), upstream = Tensor::from({0.5, -2.0});
      const Tensor weight = Tensor::from({0.25, 3.0});
      const auto call = [&](const std::vector<Tensor>& p) {
        const Tensor value =
            F::total_variation_loss(p[0], loss, {.weight = p.size() > 1 ? p[1] : weight, .reduction = reduction});
        return value.rank() > 0 ? value * upstream : value;
      };
      x.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {x}, {.second_order = true}), "");
      const Tensor learned = weight.clone();
      learned.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {x, learned}), "");
    }
  }
}

TEST(TotalVariation, OfFlatAndUndefinedImages) {
  for (const TotalVariation& loss : variants) {
    const Tensor flat = Tensor::full({1, 2, 5, 6}, 0.7);
    flat.set_requires_grad();
    const Tensor value = F::total_variation_loss(flat, loss);
    EXPECT_NEAR(value.item(), loss.norm == VariationNorm::isotropic ? 60 * std::sqrt(1e-3) : 0, 1e-6);
    value.backward();
    for (const float slope : flat.grad().to_vector<float>()) EXPECT_EQ(slope, 0);
    const Tensor x = Tensor::randn({2, 1, 3, 3}, 4);
    x.mutable_data<float>()[0] = std::nanf("");
    x.set_requires_grad();
    const Tensor losses = F::total_variation_loss(x, loss, {.reduction = Reduction::none});
    EXPECT_TRUE(std::isnan(losses.detach().to_vector<float>()[0]));
    EXPECT_TRUE(std::isfinite(losses.detach().to_vector<float>()[1]));
    sum(losses).backward();
    const std::vector<float> slopes = x.grad().to_vector<float>();
    EXPECT_TRUE(std::isnan(slopes[0]) && std::isnan(slopes[1]) && std::isnan(slopes[3]));
    EXPECT_TRUE(std::isfinite(slopes[4]) && std::isfinite(slopes[8]) && std::isfinite(slopes[9]));
  }
  EXPECT_TRUE(std::isnan(F::total_variation_loss(Tensor::empty({0, 1, 2, 2})).item()));
}

TEST(TotalVariation, IsIdenticalForAnyNumberOfThreads) {
  const int before = num_threads();
  const Tensor x = Tensor::randn({3, 3, 21, 30}, 5);
  x.set_requires_grad();
  std::vector<std::vector<float>> all;
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    x.set_grad({});
    const Tensor value = F::total_variation_loss(x, {.norm = VariationNorm::isotropic});
    value.backward();
    all.push_back(x.grad().to_vector<float>());
    all.back().push_back(value.item<float>());
  }
  set_num_threads(before);
  EXPECT_EQ(all[1], all[0]);
  EXPECT_EQ(all[2], all[0]);
}

TEST(TotalVariation, RefusesWhatItCannotUse) {
  EXPECT_EQ(refusal<ShapeError>([] {
              F::total_variation_loss(Tensor::zeros({2, 3}));
            }),
            "total_variation_loss: input has shape [2, 3] (valid: [N, C, H, W] or [C, H, W], with channels)");
  EXPECT_EQ(refusal<ShapeError>([] {
              F::total_variation_loss(Tensor::zeros({2, 3, 0, 4}));
            }),
            "total_variation_loss: input has shape [2, 3, 0, 4] (valid: images with pixels)");
  EXPECT_EQ(refusal<DTypeError>([] {
              F::total_variation_loss(Tensor::zeros({1, 2, 3}, DType::int64));
            }),
            "total_variation_loss: input holds int64 (valid: float32, float64)");
}

}  // namespace
}  // namespace perdita
