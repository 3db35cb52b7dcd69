// Losses as text with the options stabilize=yes and compute=float64.
#include "perdita/losses/stable_formula.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "perdita/perdita.hpp"

namespace perdita {
namespace {

namespace F = functional;

const std::string naive = "log(1+exp(-t*y))", stable = naive + " [t = -1, 1]; stabilize=yes";

TEST(FormulaText, Parts) {
  const FormulaText parts =
      separate_formula(" log(y) where a = 1 [y > 0, t in 0..1] ; stabilize = yes, compute=float64 ");
  EXPECT_EQ(parts.formula, "log(y) where a = 1");
  EXPECT_EQ(parts.domain, "y > 0, t in 0..1");
  EXPECT_TRUE(parts.stabilize);
  EXPECT_TRUE(parts.compute_in_float64);
  EXPECT_EQ(separate_formula("a*y where a = 1; b = 2").formula, "a*y where a = 1; b = 2");
  EXPECT_FALSE(separate_formula("y; stabilize=no").stabilize);
}

TEST(FormulaText, Errors) {
  EXPECT_THROW(separate_formula("y; stabilize=maybe"), ValueError);
  EXPECT_THROW(separate_formula("y; stabilize"), ValueError);
  EXPECT_THROW(separate_formula("y; compute=float16"), ValueError);
  EXPECT_THROW(parse_loss("formula: y^2 [y > 0]"), ValueError);  // a domain has no effect without stabilize=yes
  EXPECT_THROW(parse_loss("formula: log(-1-y^2); stabilize=yes"), ValueError);
  EXPECT_THROW(parse_loss("formula: y [x > 0]; stabilize=yes"), ValueError);
}

TEST(StableFormula, ReplacesTheFormula) {
  EXPECT_EQ(to_string(parse_loss("formula: " + stable)), "formula: softplus(-t * y)");
  EXPECT_EQ(to_string(parse_loss("formula: abs(y - t); stabilize=yes")), "formula: abs(y - t)");
  EXPECT_EQ(to_string(parse_loss("formula: -t*log(p); stabilize=yes")), "formula: -t * log_p");
  EXPECT_EQ(to_string(parse_loss("formula: exp(y)*t; compute=float64")), "formula: exp(y)*t; compute=float64");
}

/// The weights of a linear model after some steps of gradient descent.
std::vector<double> trained(const std::string& loss) {
  const Tensor x = Tensor::randn({200, 5}, 1).to(DType::float64);
  const Tensor noise = Tensor::randn({200, 1}, 2).to(DType::float64);
  const Tensor truth = Tensor::randn({5, 1}, 3).to(DType::float64);
  const Tensor t = sign(matmul(x, truth) + noise);
  const AnyLoss any = parse_loss("formula: " + loss);
  Tensor weight = Tensor::zeros({5, 1}, DType::float64);
  for (int step = 0; step < 200; ++step) {
    weight = weight.detach().set_requires_grad();
    F::call(any, {matmul(x, weight), t}).backward();
    weight = weight.detach() - 0.5 * weight.grad();
  }
  return weight.to_vector<double>();
}

TEST(StableFormula, TrainsToTheSameModelInFloat64) {
  const std::vector<double> by_naive = trained(naive), by_stable = trained(stable);
  for (std::size_t i = 0; i < by_naive.size(); ++i) {
    EXPECT_GT(std::abs(by_naive[i]), 0.01);
    EXPECT_NEAR(by_stable[i], by_naive[i], 1e-12);
  }
}

/// The results in float32 are those in float64, rounded: by kernels, with weights, and recorded.
TEST(ComputeInFloat64, RoundsOnce) {
  const Tensor y = Tensor::randn({50, 41}, 4) * 4.0, t = Tensor::rand({50, 41}, 5), weight = Tensor::rand({50, 41}, 6);
  const std::string formula = "formula: (sigmoid(y) - t)^2 * exp(-t*y)";
  const AnyLoss plain = parse_loss(formula), wide = parse_loss(formula + "; compute=float64");
  for (const LossOptions& options : {LossOptions{}, LossOptions{.weight = weight}}) {
    const Tensor a = y.clone().set_requires_grad(), b = y.to(DType::float64).set_requires_grad();
    LossExtras in_float32, in_float64;
    LossOptions of_a{.weight = options.weight, .extras = &in_float32};
    LossOptions of_b{.weight = options.weight, .extras = &in_float64};
    F::call(wide, {a, t}, of_a).backward();
    F::call(plain, {b, t.to(DType::float64)}, of_b).backward();
    const auto found = in_float32.losses.to_vector<float>();
    const auto expected = in_float64.losses.to(DType::float32).to_vector<float>();
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_FLOAT_EQ(found[i], expected[i]) << i;
    const auto slopes = a.grad().to_vector<float>(), exact = b.grad().to(DType::float32).to_vector<float>();
    for (std::size_t i = 0; i < slopes.size(); ++i) EXPECT_FLOAT_EQ(slopes[i], exact[i]) << i;
  }
}

}  // namespace
}  // namespace perdita
