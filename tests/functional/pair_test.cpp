// Losses of single elements on tensors: the fast path and the recorded formula give the same values, gradients and
// second derivatives; reductions, weights, broadcasting and errors are as documented.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "perdita/functional/elementwise.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

struct Case {
  std::string name;
  std::function<Tensor(const Tensor&, const Tensor&, const LossOptions&)> function;
  Interval input, target;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for_each_elementwise_loss([&]<class Loss>(const Loss&) {
    const LossFunction<Loss> function(function_name<Loss>);
    all.push_back({function_name<Loss>,
                   [=](const Tensor& y, const Tensor& t, const LossOptions& o) { return function(y, t, o); },
                   Loss::info.input, Loss::info.target});
  });
  return all;
}

/// Numbers well inside an interval, so that a small step stays in it; labels where only two points are allowed.
Tensor drawn(const Interval& interval, const Shape& shape, std::uint64_t seed) {
  const Tensor u = Tensor::rand(shape, seed, 0, DType::float64);
  if (interval.ends_only) return (u > 0.5).to(DType::float64) * (interval.high - interval.low) + interval.low;
  const double low = std::isfinite(interval.low) ? interval.low : -3,
               high = std::isfinite(interval.high) ? interval.high : 3;
  return u * (0.9 * (high - low)) + low + 0.05 * (high - low);
}

constexpr Reduction reductions[] = {Reduction::none, Reduction::mean, Reduction::sum, Reduction::batchmean};

TEST(PairLosses, GradientsAgreeWithDifferencesAndAreDifferentiable) {
  std::uint64_t seed = 100;
  for (const Case& c : cases()) {
    for (Reduction reduction : reductions) {
      SCOPED_TRACE(c.name + " reduction " + std::to_string(static_cast<int>(reduction)) + " seed " +
                   std::to_string(++seed));
      const Tensor y = drawn(c.input, {3, 5}, seed), t = drawn(c.target, {3, 5}, seed + 1000);
      y.set_requires_grad();
      const auto f = [&](const std::vector<Tensor>& in) { return c.function(in[0], t, {.reduction = reduction}); };
      EXPECT_EQ(check_gradient(f, {y}, {.second_order = c.name != "binary_cross_entropy"}), "");
    }
  }
}

TEST(PairLosses, TargetsAndWeightsHaveGradientsToo) {
  std::uint64_t seed = 300;
  for (const Case& c : cases()) {
    if (c.target.ends_only) continue;
    SCOPED_TRACE(c.name + " seed " + std::to_string(++seed));
    const Tensor y = drawn(c.input, {4, 3}, seed), t = drawn(c.target, {4, 3}, seed + 1000);
    const Tensor w = Tensor::rand({3}, seed, 7, DType::float64) + 0.5;
    for (const Tensor& x : {y, t, w}) x.set_requires_grad();
    const auto f = [&](const std::vector<Tensor>& in) { return c.function(in[0], in[1], {.weight = in[2]}); };
    EXPECT_EQ(check_gradient(f, {y, t, w}), "");
  }
}

TEST(PairLosses, KernelAndRecordedFormulaAgree) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor y = drawn(c.input, {200, 7}, 5), t = drawn(c.target, {200, 7}, 6);
    const Tensor ones = Tensor::ones({200, 7}, DType::float64);
    for (Reduction reduction : reductions) {
      const Tensor by_kernel = c.function(y, t, {.reduction = reduction});
      const Tensor recorded = c.function(y, t, {.weight = ones, .reduction = reduction});
      const auto a = by_kernel.to_vector<double>(), b = recorded.to_vector<double>();
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12 * (1 + std::abs(a[i])));
    }
  }
}

TEST(PairLosses, GradientsReachTheInputThroughOtherOperations) {
  const Tensor w = Tensor::from({1.0f, -2.0f}).set_requires_grad();
  const Tensor x = Tensor::from({3.0f, 4.0f});
  F::mse_loss(w * x, Tensor::from({1.0f, 1.0f})).backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (std::vector<float>{2 * (3 - 1) * 3 / 2.0f, 2 * (-8 - 1) * 4 / 2.0f}));
}

TEST(PairLosses, UpstreamGradientsScale) {
  const Tensor y = Tensor::from({1.0, 3.0}).set_requires_grad();
  const Tensor t = Tensor::from({0.0, 0.0});
  (F::mse_loss(y, t, {.reduction = Reduction::sum}) * 3.0).backward();
  EXPECT_EQ(y.grad().to_vector<double>(), (std::vector<double>{6, 18}));
  y.set_grad({});
  F::mse_loss(y, t, {.reduction = Reduction::none}).backward(Tensor::from({1.0, 10.0}));
  EXPECT_EQ(y.grad().to_vector<double>(), (std::vector<double>{2, 60}));
}

TEST(PairLosses, RetainedGraphsGiveTheSameGradientAgain) {
  const Tensor y = Tensor::from({1.0, 3.0}).set_requires_grad();
  const Tensor loss = F::huber_loss(y, Tensor::from({0.0, 0.0}), {.delta = 2});
  loss.backward(true);
  loss.backward();
  EXPECT_EQ(y.grad().to_vector<double>(), (std::vector<double>{1, 2}));
  EXPECT_THROW(loss.backward(), GraphError);
}

TEST(PairLosses, WeightedMeansHavePyTorchsDenominators) {
  const Tensor y = Tensor::from({1.0, 2.0, 4.0}), t = Tensor::zeros({3}, DType::float64),
               w = Tensor::from({1.0, 2.0, 5.0});
  const LossOptions weighted{.weight = w};
  EXPECT_DOUBLE_EQ(F::mse_loss(y, t, weighted).item(), (1 + 2 * 4 + 5 * 16) / 8.0);
  EXPECT_DOUBLE_EQ(F::l1_loss(y, t, weighted).item(), (1 + 2 * 2 + 5 * 4) / 8.0);
  EXPECT_DOUBLE_EQ(F::huber_loss(y, t, weighted).item(), (0.5 + 2 * 1.5 + 5 * 3.5) / 3);
  EXPECT_DOUBLE_EQ(F::huber_loss(y, t, {.weight = w, .normalize_by = Normalize::weight_sum}).item(),
                   (0.5 + 2 * 1.5 + 5 * 3.5) / 8);
  EXPECT_NEAR(F::binary_cross_entropy(Tensor::full({3}, 0.5, DType::float64), t, weighted).item(), 8 * std::log(2) / 3,
              1e-15);
  EXPECT_DOUBLE_EQ(F::mse_loss(y, t, {.weight = w, .normalize_by = Normalize::count}).item(), 89 / 3.0);
}

TEST(PairLosses, PosWeightIsThatOfBceWithLogits) {
  const Tensor y = Tensor::from({0.3, -1.2, 2.0, 0.1}, {2, 2}), t = Tensor::from({1.0, 0.0, 0.5, 1.0}, {2, 2});
  const Tensor p = Tensor::from({3.0, 0.5});
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    const double x = y.to_vector<double>()[static_cast<std::size_t>(i)],
                 target = t.to_vector<double>()[static_cast<std::size_t>(i)], q = i % 2 ? 0.5 : 3;
    expected += (1 - target) * x + (1 + (q - 1) * target) * std::log1p(std::exp(-x));
  }
  EXPECT_NEAR(F::binary_cross_entropy_with_logits(y, t, {.pos_weight = p}).item(), expected / 4, 1e-14);
  EXPECT_THROW(F::mse_loss(y, t, {.pos_weight = p}), ValueError);
}

// The compiled kernel (no weight) and the recorded operators (with one) tell the same.
TEST(PairLosses, ExtrasTellWhatTheLossIsMadeOf) {
  const Tensor y = Tensor::from({1.0, 2.0, 4.0, 1.0}, {2, 2}), t = Tensor::zeros({2, 2}, DType::float64);
  for (bool weighted : {false, true}) {
    const Tensor weight = weighted ? Tensor::from({1.0, 2.0}) : Tensor();  // of columns
    const double second = weighted ? 2 : 1, total = 1 + second * 4 + 16 + second;
    struct Expected {
      Reduction reduction;
      Normalize normalize;
      double denominator;
    };
    for (const auto& [reduction, normalize, denominator] :
         {Expected{Reduction::mean, Normalize::standard, weighted ? 6.0 : 4.0},
          Expected{Reduction::mean, Normalize::count, 4}, Expected{Reduction::mean, Normalize::batch, 2},
          Expected{Reduction::sum, Normalize::standard, 1}}) {
      y.set_requires_grad();
      LossExtras found;
      const Tensor loss =
          F::mse_loss(y, t, {.weight = weight, .reduction = reduction, .normalize_by = normalize, .extras = &found});
      EXPECT_DOUBLE_EQ(loss.item(), total / denominator);
      EXPECT_DOUBLE_EQ(found.numerator, total);
      EXPECT_DOUBLE_EQ(found.denominator, denominator);
      EXPECT_EQ(found.losses.to_vector<double>(), (std::vector<double>{1, second * 4, 16, second}));
      EXPECT_FALSE(found.losses.requires_grad());
      EXPECT_FALSE(found.margins.defined());
      EXPECT_DOUBLE_EQ(grad(loss, y).to_vector<double>()[2], 8 / denominator);
      y.set_requires_grad(false);
    }
    LossExtras found;
    const Tensor each = F::mse_loss(y, t, {.weight = weight, .reduction = Reduction::none, .extras = &found});
    EXPECT_EQ(each.to_vector<double>(), found.losses.to_vector<double>());
    EXPECT_EQ(found.denominator, 1);
  }
}

TEST(PairLosses, BatchmeanDividesByTheFirstSize) {
  const Tensor log_p = Tensor::from({-1.0, -2.0, -0.5, -3.0, -1.0, -1.0}, {2, 3}),
               t = Tensor::full({2, 3}, 1.0 / 3, DType::float64);
  EXPECT_DOUBLE_EQ(F::kl_div(log_p, t, {.reduction = Reduction::batchmean}).item(),
                   F::kl_div(log_p, t, {.reduction = Reduction::sum}).item() / 2);
}

TEST(PairLosses, BroadcastAndViews) {
  const Tensor y = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {2, 3}), t = Tensor::from({1.0, 1.0, 1.0});
  EXPECT_DOUBLE_EQ(F::mse_loss(y, t).item(), (0 + 1 + 4 + 9 + 16 + 25) / 6.0);
  const Tensor turned = y.t().set_requires_grad(false);
  EXPECT_DOUBLE_EQ(F::l1_loss(y.t(), Tensor::zeros({3, 2}, DType::float64)).item(), 3.5);
  EXPECT_DOUBLE_EQ(turned.numel(), 6);
}

TEST(PairLosses, IntegerTargetsAreConverted) {
  EXPECT_FLOAT_EQ(static_cast<float>(
                      F::mse_loss(Tensor::from({1.0f, 2.0f}), Tensor::from({std::int64_t{0}, std::int64_t{0}})).item()),
                  2.5f);
}

TEST(PairLosses, MeanOfNothingIsNaNAndSumZero) {
  const Tensor none = Tensor::zeros({0, 3});
  for (const Case& c : cases()) {
    EXPECT_TRUE(std::isnan(c.function(none, none, {}).item())) << c.name;
    EXPECT_EQ(c.function(none, none, {.reduction = Reduction::sum}).item(), 0) << c.name;
    EXPECT_EQ(c.function(none, none, {.reduction = Reduction::none}).shape(), Shape({0, 3})) << c.name;
  }
}

TEST(PairLosses, GaussianNll) {
  const Tensor y = Tensor::from({1.0, 2.0, 3.0, 4.0}, {2, 2}).set_requires_grad(),
               t = Tensor::zeros({2, 2}, DType::float64);
  const Tensor v = Tensor::from({2.0, 5.0}).set_requires_grad();
  const auto f = [&](const std::vector<Tensor>& in) { return F::gaussian_nll_loss(in[0], t, in[1]); };
  EXPECT_EQ(check_gradient(f, {y, v}, {.second_order = true}), "");
  EXPECT_NEAR(F::gaussian_nll_loss(y, t, v).item(),
              0.5 * (2 * std::log(2.0) + 2 * std::log(5.0) + 1 / 2. + 4 / 2. + 9 / 5. + 16 / 5.) / 4, 1e-14);
  EXPECT_THROW(F::gaussian_nll_loss(y, t, Tensor::from({-1.0, 1.0})), ValueError);
  EXPECT_THROW(F::gaussian_nll_loss(y, t, Tensor::ones({3}, DType::float64)), ShapeError);
  const Tensor zero = Tensor::zeros({1}, DType::float64).set_requires_grad();
  F::gaussian_nll_loss(Tensor::zeros({1}, DType::float64), Tensor::zeros({1}, DType::float64), zero).backward();
  EXPECT_NEAR(zero.grad().item(), 500000, 1e-6);
}

TEST(PairLosses, BceGradientAtZeroAndOneIsPyTorchs) {
  const Tensor y = Tensor::from({0.0, 1.0, 0.0}), t = Tensor::from({1.0, 0.0, 0.0});
  for (bool weighted : {false, true}) {
    const Tensor leaf = y.clone().set_requires_grad();
    F::binary_cross_entropy(
        leaf, t, {.weight = weighted ? Tensor::ones({3}, DType::float64) : Tensor(), .reduction = Reduction::sum})
        .backward();
    EXPECT_NEAR(leaf.grad().to_vector<double>()[0], -1e12, 5e3);
    EXPECT_NEAR(leaf.grad().to_vector<double>()[1], 1e12, 5e3);
    EXPECT_EQ(leaf.grad().to_vector<double>()[2], 0);
  }
}

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// "Your own loss is as easy as a lambda": the same numbers as the built-in formula, to any order.
TEST(Elementwise, ALambdaIsALoss) {
  const auto own = elementwise([](auto y, auto t) { return square(y - t); });
  const Tensor y = Tensor::randn({50, 3}, 1, 0, DType::float64).set_requires_grad();
  const Tensor t = Tensor::randn({50, 3}, 2, 0, DType::float64);
  for (Reduction reduction : reductions) {
    const auto a = own(y, t, {.reduction = reduction}).to_vector<double>();
    EXPECT_EQ(a, F::mse_loss(y, t, {.reduction = reduction}).to_vector<double>());
  }
  const auto f = [&](const std::vector<Tensor>& in) { return own(in[0], t); };
  EXPECT_EQ(check_gradient(f, {y}, {.second_order = true}), "");
  EXPECT_THROW(own(y, Tensor::zeros({2})), ShapeError);
}

TEST(PairLosses, ErrorsSayWhatIsWrongAndWhatIsValid) {
  const Tensor y = Tensor::from({0.5f, 0.5f}), three = Tensor::zeros({3});
  EXPECT_EQ(message([&] { F::mse_loss(y, three); }),
            "mse_loss: shapes [2] and [3] cannot be broadcast together: sizes 2 and 3 differ (valid: the same, or 1)");
  EXPECT_EQ(message([&] { F::binary_cross_entropy_with_logits(y, Tensor::zeros({1})); }),
            "binary_cross_entropy_with_logits: target has shape [1], but input has [2] (valid: the same)");
  EXPECT_EQ(message([&] {
              F::binary_cross_entropy(Tensor::from({0.5f, 1.5f}), y);
            }),
            "binary_cross_entropy: input[1] is 1.5 (valid: 0..1)");
  EXPECT_EQ(message([&] {
              F::binary_cross_entropy(y, Tensor::from({0.5f, -1.0f}));
            }),
            "binary_cross_entropy: target[1] is -1 (valid: 0..1)");
  EXPECT_EQ(message([&] { F::huber_loss(y, y, {.delta = -1}); }), "huber: delta is -1 (valid: above 0)");
  EXPECT_EQ(message([&] { F::mse_loss(Tensor::from({std::int64_t{1}}), y); }),
            "mse_loss: input holds int64 (valid: float32, float64)");
  EXPECT_EQ(message([&] { F::mse_loss(y, Tensor()); }), "mse_loss: target is not a tensor");
}

}  // namespace
}  // namespace perdita
