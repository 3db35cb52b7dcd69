// Sums of losses of tensors, compared with their parts, with finite differences, and with what a part alone reports.
#include "perdita/functional/loss_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/nn/loss_sum.hpp"
#include "perdita/tensor/gradcheck.hpp"
#include "refusal.hpp"

namespace perdita {
namespace {

namespace F = functional;

struct Problem {
  Tensor input, target;
};

Problem of_classes(std::uint64_t seed, DType dtype = DType::float64) {
  return {(4 * Tensor::rand({6, 4}, seed, 0, dtype) - 2).detach(),
          Tensor::from(std::vector<std::int64_t>{0, 3, 1, 2, 2, 0})};
}
Problem of_numbers(std::uint64_t seed) {
  return {(4 * Tensor::rand({5, 3}, seed, 0, DType::float64) - 2).detach(),
          (4 * Tensor::rand({5, 3}, seed, 1, DType::float64) - 2).detach()};
}
Problem of_masks(std::uint64_t seed) {
  return {(4 * Tensor::rand({2, 3, 4, 2}, seed, 0, DType::float64) - 2).detach(),
          (Tensor::rand({2, 4, 2}, seed, 1, DType::float64) * 3).to(DType::int64)};
}

TEST(SumsOfLosses, AreTheSumsOfTheirParts) {
  std::uint64_t seed = 10;
  for (const auto& [text, problem] : {std::pair{"0.7*cross_entropy + 0.3*focal:gamma=3", of_classes(1)},
                                      std::pair{"0.7*mse + 0.2*l1 + huber:delta=0.5", of_numbers(2)},
                                      std::pair{"0.7*cross_entropy + 0.3*dice:smooth=1", of_masks(3)},
                                      std::pair{"0.5*mse + -0.1*(formula: log_cosh(y - t))", of_numbers(4)}}) {
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      SCOPED_TRACE(fmt::format("{} seed {}", text, ++seed));
      const LossSum loss = parse_loss_sum(text);
      const Tensor input = problem.input.clone().set_requires_grad(), alone = problem.input.clone().set_requires_grad();
      std::vector<PartResult> parts;
      const Tensor sum = F::call(loss, {input, problem.target}, {.reduction = reduction}, {}, &parts);
      sum.backward();
      double expected = 0;
      for (std::size_t k = 0; k < loss.size(); ++k) {
        const Tensor value = F::call(loss.parts()[k].loss, {alone, problem.target}, {.reduction = reduction});
        (value * loss.parts()[k].weight.factor).backward();
        expected += loss.parts()[k].weight.factor * value.item();
        EXPECT_EQ(parts[k].value, value.item());
        EXPECT_EQ(parts[k].weight, loss.parts()[k].weight.factor);
        EXPECT_EQ(parts[k].name, loss.parts()[k].name);
      }
      EXPECT_NEAR(sum.item(), expected, 1e-14 * std::abs(expected));
      const auto found = input.grad().to_vector<double>(), wanted = alone.grad().to_vector<double>();
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-14);
      const auto f = [&, target = problem.target](const std::vector<Tensor>& in) {  // clang 14 captures no binding
        return F::call(loss, {in[0], target}, {.reduction = reduction});
      };
      EXPECT_EQ(check_gradient(f, {problem.input.clone().set_requires_grad()}), "");
    }
  }
}

TEST(SumsOfLosses, InFloatTheGradientIsComputedForTheWeight) {
  const Problem problem = of_classes(5, DType::float32);
  const Tensor input = problem.input.clone().set_requires_grad();
  F::call(parse_loss_sum("0.7*cross_entropy"), {input, problem.target}).backward();
  const Tensor alone = problem.input.to(DType::float64).detach().set_requires_grad();
  (F::cross_entropy(alone, problem.target) * 0.7).backward();
  const auto found = input.grad().to_vector<double>(), wanted = alone.grad().to_vector<double>();
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-7);
}

TEST(SumsOfLosses, PartsKeepTheirDenominatorsAndIgnoredLabels) {
  Problem problem = of_classes(6);
  const Tensor weight = Tensor::from({0.5, 1.0, 2.0, 4.0});
  const LossSum loss = parse_loss_sum("cross_entropy:ignore_index=2 + focal");
  std::vector<PartResult> parts;
  F::call(loss, {problem.input, problem.target}, {.weight = weight}, {}, &parts);
  EXPECT_EQ(parts[0].extras.denominator, 0.5 + 4 + 1 + 0.5);
  EXPECT_EQ(parts[1].extras.denominator, 0.5 + 4 + 1 + 2 + 2 + 0.5);
  const Tensor as_operand = F::call(loss, {problem.input, problem.target, weight});
  EXPECT_EQ(as_operand.item(), F::call(loss, {problem.input, problem.target}, {.weight = weight}).item());
}

TEST(SumsOfLosses, WithoutReductionLossesOfOneShapeAreAdded) {
  const Problem problem = of_classes(7);
  const Tensor losses = F::call(parse_loss_sum("0.5*cross_entropy + focal"), {problem.input, problem.target},
                                {.reduction = Reduction::none});
  const auto a = F::cross_entropy(problem.input, problem.target, {.reduction = Reduction::none}).to_vector<double>();
  const auto b = F::focal_loss(problem.input, problem.target, {.reduction = Reduction::none}).to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(losses.to_vector<double>()[i], 0.5 * a[i] + b[i], 1e-14);
  const Problem masks = of_masks(8);
  const std::string message = refusal<ShapeError>([&] {
    F::call(parse_loss_sum("cross_entropy + dice"), {masks.input, masks.target}, {.reduction = Reduction::none});
  });
  EXPECT_NE(message.find("reduction is none, but the losses of dice"), std::string::npos) << message;
}

TEST(SumsOfLosses, ExtrasAreThoseOfTheSum) {
  const Problem problem = of_classes(9);
  LossExtras extras, alone;
  const Tensor sum =
      F::call(parse_loss_sum("0.5*cross_entropy + focal"), {problem.input, problem.target}, {.extras = &extras});
  F::cross_entropy(problem.input, problem.target, {.extras = &alone});
  EXPECT_EQ(extras.numerator, sum.item());
  EXPECT_EQ(extras.denominator, 1);
  EXPECT_EQ(extras.margins.to_vector<double>(), alone.margins.to_vector<double>());
  EXPECT_EQ(extras.losses.shape(), alone.losses.shape());
}

TEST(SumsOfLosses, APartOfWeightZeroAddsNothing) {
  const Tensor input = Tensor::from({1.0, std::numeric_limits<double>::infinity()}).set_requires_grad();
  const Tensor target = Tensor::from({0.0, 0.0});
  std::vector<PartResult> parts;
  const Tensor sum =
      F::call(parse_loss_sum("linear(0,1,epochs=2)*mse + (formula: exp(-y))"), {input, target}, {}, {}, &parts);
  sum.backward();
  EXPECT_NEAR(sum.item(), std::exp(-1.0) / 2, 1e-15);
  EXPECT_NEAR(input.grad().to_vector<double>()[0], -std::exp(-1.0) / 2, 1e-15);
  EXPECT_EQ(input.grad().to_vector<double>()[1], 0);
  EXPECT_EQ(parts[0].weight, 0);
  EXPECT_TRUE(std::isinf(parts[0].value));
}

TEST(SumsOfLosses, LearnedWeightsAreParametersWithTheirGradients) {
  const Problem problem = of_numbers(11);
  const nn::Sum criterion("2*learned*mse + learned*l1");
  const auto named = criterion.named_parameters();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].first, "log_variance_mse");
  EXPECT_EQ(named[1].first, "log_variance_l1");
  const double s[] = {0.3, -0.7};
  const double mse = F::mse_loss(problem.input, problem.target).item(),
               l1 = F::l1_loss(problem.input, problem.target).item();
  criterion.load_state_dict(
      {{"log_variance_mse", Tensor::full({}, s[0])}, {"log_variance_l1", Tensor::full({}, s[1])}});
  const Tensor loss = criterion(problem.input, problem.target);
  EXPECT_NEAR(loss.item(), 2 * std::exp(-s[0]) * mse + std::exp(-s[1]) * l1 + (s[0] + s[1]) / 2, 1e-6);
  loss.backward();
  EXPECT_NEAR(named[0].second.grad().item(), -2 * std::exp(-s[0]) * mse + 0.5, 1e-6);
  EXPECT_NEAR(named[1].second.grad().item(), -std::exp(-s[1]) * l1 + 0.5, 1e-6);
}

TEST(SumsOfLosses, AModuleFollowsTheEpoch) {
  const Problem problem = of_numbers(12);
  const nn::Sum criterion("linear(0,1,epochs=4)*mse + l1"), same = criterion;
  same.set_epoch(1);
  const double mse = F::mse_loss(problem.input, problem.target).item(),
               l1 = F::l1_loss(problem.input, problem.target).item();
  EXPECT_NEAR(criterion(problem.input, problem.target).item(), 0.25 * mse + l1, 1e-14);
}

TEST(SumsOfLosses, RefuseWhatPartsReadDifferently) {
  const Problem masks = of_masks(13);
  const LossSum loss = parse_loss_sum("cross_entropy + dice");
  const auto message_of = [&](const LossSum& sum, const std::vector<Tensor>& operands, const LossOptions& options) {
    return refusal<Error>([&] { F::call(sum, operands, options); });
  };
  const Tensor probabilities = softmax(masks.input, 1);
  EXPECT_NE(message_of(loss, {masks.input, probabilities}, {}).find("which the parts read differently"),
            std::string::npos);
  const LossSum binary = parse_loss_sum("binary_cross_entropy_with_logits + dice");
  EXPECT_NE(message_of(binary, {masks.input, masks.target}, {}).find("which the parts read differently"),
            std::string::npos);
  const Tensor weight = Tensor::ones({3}, DType::float64);
  EXPECT_NE(message_of(binary, {masks.input, probabilities}, {.weight = weight}).find("takes a weight of shape"),
            std::string::npos);
  EXPECT_NE(message_of(loss, {masks.input, masks.target, weight, weight}, {}).find("got 4 operands"),
            std::string::npos);
}

TEST(Denominators, AreOfAMean) {
  const Problem numbers = of_numbers(14), classes = of_classes(15);
  for (const Reduction reduction : {Reduction::none, Reduction::sum, Reduction::batchmean}) {
    for (const Normalize normalize_by : {Normalize::count, Normalize::weight_sum, Normalize::batch}) {
      const std::string message = refusal<ValueError>(
          [&] { F::mse_loss(numbers.input, numbers.target, {.reduction = reduction, .normalize_by = normalize_by}); });
      EXPECT_NE(message.find("mse_loss: normalize_by is the denominator of a mean"), std::string::npos) << message;
      const std::string of_classes = refusal<ValueError>([&] {
        F::cross_entropy(classes.input, classes.target, {.reduction = reduction, .normalize_by = normalize_by});
      });
      EXPECT_NE(of_classes.find("normalize_by is the denominator of a mean"), std::string::npos) << of_classes;
    }
  }
}

}  // namespace
}  // namespace perdita
