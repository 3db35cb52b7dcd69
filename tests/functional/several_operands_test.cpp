// Losses of several operands on tensors: gradients of kernels and of recorded operators, reductions, weights,
// broadcasting and errors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"
#include "refusal.hpp"

namespace perdita {
namespace {

namespace F = functional;

Tensor drawn(const LossOperand& operand, const Shape& shape, std::uint64_t seed) {
  const Tensor u = Tensor::rand(shape, seed, 0, DType::float64);
  switch (operand.meaning) {
    case Meaning::count:
      return (u * 5.0).to(DType::int64).to(DType::float64);
    case Meaning::scale:
    case Meaning::degrees_of_freedom:
      return u * 2.0 + 0.5;
    case Meaning::log_probability:
      return u * 2.0 - 4.0;
    case Meaning::divergence:
      return u;
    case Meaning::indicator:
      return (u > 0.5).to(DType::float64);
    case Meaning::time:
      return operand.name == "lower" ? u : u + 1.0;
    default:
      break;
  }
  const double low = std::isfinite(operand.domain.low) ? operand.domain.low : -2,
               high = std::isfinite(operand.domain.high) ? operand.domain.high : 2;
  return u * (0.9 * (high - low)) + low + 0.05 * (high - low);
}

/// The operands without weights. Predictions require gradients.
template <class Loss>
std::vector<Tensor> operands_of(const Shape& shape, std::uint64_t seed) {
  std::vector<Tensor> all;
  for (const LossOperand& operand : Loss::info.operands) {
    if (operand.role == Role::weight) continue;
    all.push_back(drawn(operand, shape, seed + 100 * all.size()));
    if (operand.role == Role::prediction) all.back().set_requires_grad();
  }
  return all;
}

template <class Visitor>
void for_each_case(const Visitor& visitor) {
  std::uint64_t seed = 500;
  for_each_loss_of_several_operands([&]<class Loss>(const Loss& loss) {
    SCOPED_TRACE(std::string(Loss::info.name) + " seed " + std::to_string(++seed));
    visitor(loss, seed);
  });
}

TEST(SeveralOperands, GradientsAgreeWithDifferencesAndAreDifferentiable) {
  for_each_case([]<class Loss>(const Loss& loss, std::uint64_t seed) {
    const std::vector<Tensor> given = operands_of<Loss>({3, 2}, seed);
    std::vector<Tensor> wanted;
    for (const Tensor& x : given)
      if (x.requires_grad()) wanted.push_back(x);
    for (const Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
      const auto f = [&](const std::vector<Tensor>& in) {
        std::vector<Tensor> all;
        std::size_t next = 0;
        for (const Tensor& x : given) all.push_back(x.requires_grad() ? in[next++] : x);
        return F::call({.loss = loss}, all, {.reduction = reduction});
      };
      EXPECT_EQ(check_gradient(f, wanted, {.second_order = true}), "");
    }
  });
}

TEST(SeveralOperands, TargetsAndWeightsHaveGradients) {
  for_each_case([]<class Loss>(const Loss& loss, std::uint64_t seed) {
    std::vector<Tensor> given = operands_of<Loss>({4, 3}, seed), wanted;
    std::size_t k = 0;
    for (const LossOperand& operand : Loss::info.operands) {
      if (operand.role == Role::weight) continue;
      if (operand.role == Role::target && operand.meaning == Meaning::value) given[k].set_requires_grad();
      if (given[k].requires_grad()) wanted.push_back(given[k]);
      ++k;
    }
    const Tensor weight = Tensor::rand({3}, seed, 7, DType::float64) + 0.5;
    weight.set_requires_grad();
    wanted.push_back(weight);
    const auto f = [&](const std::vector<Tensor>& in) {
      std::vector<Tensor> all;
      std::size_t next = 0;
      for (const Tensor& x : given) all.push_back(x.requires_grad() ? in[next++] : x);
      return F::call({.loss = loss}, all, {.weight = in[next]});
    };
    EXPECT_EQ(check_gradient(f, wanted), "");
  });
}

TEST(SeveralOperands, KernelAndRecordedFormulaAgree) {
  for_each_case([]<class Loss>(const Loss& loss, std::uint64_t seed) {
    const std::vector<Tensor> x = operands_of<Loss>({50, 3}, seed);
    const Tensor ones = Tensor::ones({50, 3}, DType::float64);
    for (const Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
      const auto by_kernel = F::call({.loss = loss}, x, {.reduction = reduction}).template to_vector<double>();
      const auto weighted =
          F::call({.loss = loss}, x, {.weight = ones, .reduction = reduction}).template to_vector<double>();
      ASSERT_EQ(by_kernel.size(), weighted.size());
      for (std::size_t i = 0; i < by_kernel.size(); ++i)
        EXPECT_NEAR(by_kernel[i], weighted[i], 1e-12 * (1 + std::abs(by_kernel[i])));
    }
  });
}

TEST(SeveralOperands, OperandsBroadcast) {
  const Tensor y = Tensor::from({0.5, 2.0, -0.3}), t = Tensor::from({1.0, 1.5, 0.2});
  const Tensor scale = Tensor::from({0.5}).squeeze(0).set_requires_grad();
  F::laplace_nll_loss(y, t, scale, {.reduction = Reduction::sum}).backward();
  EXPECT_NEAR(scale.grad().item(), 3 / 0.5 - (0.5 + 0.5 + 0.5) / 0.25, 1e-12);
  const Tensor column = Tensor::from({1.0, 2.0, 3.0}).unsqueeze(1);
  EXPECT_NE(refusal<ShapeError>([&] { F::laplace_nll_loss(y, column, y); }).find("the losses would have [3, 3]"),
            std::string::npos);
  EXPECT_EQ(F::laplace_nll_loss(y, column, Tensor::from({1.0}), {.reduction = Reduction::none, .broadcasts_both = true})
                .shape(),
            (Shape{3, 3}));
}

TEST(SeveralOperands, ErrorsNameTheOperand) {
  const Tensor y = Tensor::from({0.5, 2.0}), bad = Tensor::from({1.0, -1.0});
  EXPECT_EQ(refusal<ValueError>([&] { F::laplace_nll_loss(y, y, bad, {.validate = true}); }),
            "laplace_nll_loss: scale[1] is -1 (valid: above 0)");
  EXPECT_EQ(refusal<ValueError>([&] { F::laplace_nll_loss(y, y, Tensor()); }),
            "laplace_nll_loss: scale is not a tensor");
  EXPECT_NE(refusal<DTypeError>([&] {
              F::laplace_nll_loss(y, y, Tensor::ones({2}, DType::boolean));
            }).find("laplace_nll_loss: scale holds"),
            std::string::npos);
  EXPECT_NE(refusal<ShapeError>([&] {
              F::laplace_nll_loss(y, y, Tensor::from({1.0, 2.0, 3.0}));
            }).find("laplace_nll_loss"),
            std::string::npos);
}

TEST(SeveralOperands, TheDivergenceIsAMeanOverTheBatch) {
  const Tensor mean = Tensor::from({0.5, -1.0, 0.0, 0.2}).reshape({2, 2}),
               log_var = Tensor::from({0.1, -0.5, 0.0, -3.0}).reshape({2, 2});
  // torch.distributions.kl_divergence, summed over the second dimension
  EXPECT_NEAR(F::gaussian_kl_loss(mean, log_var).item(), (0.6808507889 + 1.044893534) / 2, 1e-9);
  LossExtras extras;
  F::gaussian_kl_loss(mean, log_var, {.extras = &extras});
  EXPECT_EQ(extras.denominator, 2);
  EXPECT_NEAR(F::gaussian_kl_loss(mean, log_var, {.normalize_by = Normalize::count}).item(), 1.7257443229 / 4, 1e-9);
}

TEST(SeveralOperands, ParametersBeyondFloatAreComputedInDouble) {
  const Tensor y = Tensor::from({0.5f, 2.0f});
  const Tensor loss = F::interval_score_loss(y, y, y, {.alpha = 1e-30});
  EXPECT_EQ(loss.dtype(), DType::float32);
  EXPECT_EQ(loss.item(), 0);
}

// Cases that a sample is not must not reach its gradients, which are those of recorded operators here.
TEST(SeveralOperands, IntervalsWithoutEndsHaveGradientsWithRespectToTheOther) {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const TimeError error : {TimeError::normal, TimeError::logistic, TimeError::extreme}) {
    const Tensor y = Tensor::from({0.4, 1.6, 0.2, 1.0}).set_requires_grad();
    const Tensor lower = Tensor::from({2.0, 3.0, 0.0, 1.5}).set_requires_grad();
    const Tensor upper = Tensor::from({2.0, infinite, 2.5, 6.0}).set_requires_grad();
    const Tensor loss =
        F::aft_loss(y, lower, upper, {.scale = 1.3, .distribution = error}, {.reduction = Reduction::sum});
    const Tensor alone = Tensor::from({0.4, 1.6, 0.2, 1.0}).set_requires_grad();
    F::aft_loss(alone, lower.detach(), upper.detach(), {.scale = 1.3, .distribution = error},
                {.reduction = Reduction::sum})
        .backward();
    loss.backward();
    for (int i = 0; i < 4; ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_NEAR(y.grad().to_vector<double>()[at], alone.grad().to_vector<double>()[at], 1e-12) << i;
      EXPECT_TRUE(std::isfinite(lower.grad().to_vector<double>()[at])) << i;
      EXPECT_TRUE(std::isfinite(upper.grad().to_vector<double>()[at])) << i;
    }
  }
}

TEST(SeveralOperands, MeansOfNothingAreNaN) {
  const Tensor none = Tensor::empty({0}, DType::float64);
  EXPECT_TRUE(std::isnan(F::laplace_nll_loss(none, none, none).item()));
}

}  // namespace
}  // namespace perdita
