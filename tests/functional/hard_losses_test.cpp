// Means of the largest losses.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
const double nan = std::nan("");

TEST(HardLosses, TheMeanOfTheLargest) {
  const Tensor losses = Tensor::from({0.3, 2.0, 0.7, 1.1, 0.05, 0.9});
  EXPECT_NEAR(F::top_k_mean(losses, 0.5).item(), (2.0 + 1.1 + 0.9) / 3, 1e-15);
  EXPECT_NEAR(F::top_k_mean(losses, 0.51).item(), (2.0 + 1.1 + 0.9 + 0.7) / 4, 1e-15);  // rounded up
  EXPECT_NEAR(F::top_k_mean(losses, 1).item(), mean(losses).item(), 1e-15);
  EXPECT_EQ(F::top_k_mean(losses, 1e-9).item(), 2.0);
  std::vector<double> hundred(100);
  for (std::size_t i = 0; i < hundred.size(); ++i) hundred[i] = static_cast<double>(i);
  EXPECT_EQ(F::top_k_mean(Tensor::from(hundred), 0.07).item(), 96.0);  // 7 of them, 93 to 99
}

TEST(HardLosses, OfEachItem) {
  const Tensor losses = Tensor::from({1.0, 5.0, 3.0, 2.0, 0.0, 4.0, 4.0, 8.0}, {2, 2, 2});
  EXPECT_EQ(F::top_k_mean(losses, 0.5, true).to_vector<double>(), (std::vector<double>{4, 6}));
  EXPECT_EQ(F::ohem_mean(losses, 2.5, 1, true).to_vector<double>(), (std::vector<double>{4, 16.0 / 3}));
}

TEST(HardLosses, GradientsReachTheFirstOfEqualLosses) {
  const Tensor losses = Tensor::from({1.0, 3.0, 3.0, 3.0, 0.0}).set_requires_grad();
  EXPECT_EQ(grad(F::top_k_mean(losses, 0.4), losses).to_vector<double>(), (std::vector<double>{0, 0.5, 0.5, 0, 0}));
  const Tensor logits = Tensor::randn({6, 4}, 3, 0, DType::float64).set_requires_grad();
  const Tensor labels = Tensor::from({0, 3, 2, 1, 1, 0}).to(DType::int64);
  const auto f = [&](const std::vector<Tensor>& in) {
    return F::top_k_mean(F::cross_entropy(in[0], labels, {.reduction = Reduction::none}), 0.5);
  };
  EXPECT_EQ(check_gradient(f, {logits}, {.second_order = true}), "");
}

// Shrivastava et al. 2016, as mmsegmentation has it: the two rows of the largest losses, or with a label below 0.4.
TEST(HardLosses, LossesAboveAThreshold) {
  const Tensor logits = Tensor::from({1.0, 2.0, -0.5, 0.3, -0.7, 0.1, 2.5, 0.0, -1.0}, {3, 3}).set_requires_grad();
  const Tensor labels = Tensor::from({1, 2, 0}).to(DType::int64);
  const Tensor losses = F::cross_entropy(logits, labels, {.reduction = Reduction::none});
  EXPECT_NEAR(F::ohem_mean(losses, -std::log(0.4), 2).item(), 0.67694576000326, 1e-13);
  EXPECT_NEAR(F::ohem_mean(losses, -std::log(0.4), 1).item(), losses.select(0, 1).item(), 1e-14);
  EXPECT_NEAR(F::ohem_mean(losses, 100, 5).item(), mean(losses).item(), 1e-15);
}

TEST(HardLosses, NanAndInfinity) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(F::top_k_mean(Tensor::from({1.0, nan, 2.0, inf}), 0.25).item()));
  EXPECT_EQ(F::top_k_mean(Tensor::from({1.0, 3.0, 2.0, inf}), 0.25).item(), inf);
  EXPECT_TRUE(std::isnan(F::ohem_mean(Tensor::from({1.0, nan, 2.0}), 10, 1).item()));
}

TEST(HardLosses, RefusesWhatIsNotValid) {
  const Tensor losses = Tensor::from({1.0, 2.0});
  for (const double fraction : {0.0, -1.0, 1.5, nan}) EXPECT_THROW(F::top_k_mean(losses, fraction), ValueError);
  EXPECT_THROW(F::top_k_mean(losses, 0.5, true), ShapeError);
  EXPECT_THROW(F::top_k_mean(Tensor::zeros({0}), 0.5), ShapeError);
  EXPECT_THROW(F::top_k_mean(losses.to(DType::int64), 0.5), DTypeError);
  EXPECT_THROW(F::ohem_mean(losses, nan, 1), ValueError);
  EXPECT_THROW(F::ohem_mean(losses, 1, 0), ValueError);
}

}  // namespace
}  // namespace perdita
