// A loss on the targets of a dataset: which fit, what they say of a batch and of a sample, what is predicted.
#include "perdita/train/objective.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::train {
namespace {

data::Dataset dataset(const Tensor& targets) { return data::Dataset::of(Tensor::zeros({targets.size(0), 2}), targets); }
const data::Dataset binary = dataset(Tensor::from(std::vector<std::int64_t>{0, 1, 1, 0}));
const data::Dataset classes = dataset(Tensor::from(std::vector<std::int64_t>{0, 2, 1, 2}));
const data::Dataset numbers = dataset(Tensor::from(std::vector<float>{0.5f, 1, 0.25f, 0}));
const data::Dataset pairs = dataset(Tensor::from(std::vector<float>{0.5f, 0.5f, 1, 0, 0.2f, 0.8f}).reshape({3, 2}));
const data::Dataset masks = dataset(Tensor::from(std::vector<float>{0, 1, 1, 1, 0, 0, 0, -100, 1}).reshape({3, 3}));

bool fits(const AnyLoss& loss, const data::Dataset& data) {
  try {
    Objective(loss, data);
    return true;
  } catch (const ValueError&) {
    return false;
  }
}

TEST(Objective, DefaultsFit) {
  for (const data::Dataset* data : {&binary, &classes, &numbers}) {
    EXPECT_TRUE(fits(default_loss(data->task), *data));
  }
}

TEST(Objective, EveryLossFitsSomething) {
  for_each_loss([](const auto& loss) {
    const AnyLoss any{.loss = loss};
    const Unit unit = loss.info.unit;
    const bool has_samples = unit == Unit::element || unit == Unit::row || unit == Unit::mask;
    if (compares_predictions(loss.info) || !has_samples) return;  // of several inputs, groups or sequences
    if (is_of_several_operands(loss.info)) return;                // refused, see cli.training
    EXPECT_TRUE(fits(any, binary) || fits(any, classes) || fits(any, numbers) || fits(any, pairs)) << loss.info.name;
  });
  EXPECT_FALSE(fits(parse_loss("mse"), classes));
  EXPECT_FALSE(fits(parse_loss("nll"), numbers));
  EXPECT_FALSE(fits(parse_loss("kl_div"), numbers));
  EXPECT_FALSE(fits(parse_loss("binary_cross_entropy"), classes));
  EXPECT_FALSE(fits(parse_loss("dice"), binary) || fits(parse_loss("dice"), classes) ||
               fits(parse_loss("dice"), numbers));
  EXPECT_FALSE(fits(parse_loss("dice:batch=true"), masks) || fits(parse_loss("dice:multilabel=true"), masks));
}

TEST(Objective, FormulasFitWhatTheyAreOf) {
  const AnyLoss of_numbers = parse_loss("formula: (y - t)^2"), of_classes = parse_loss("formula: -t * log_p");
  EXPECT_TRUE(fits(of_numbers, numbers) && fits(of_numbers, binary) && fits(of_numbers, pairs));
  EXPECT_TRUE(fits(of_classes, classes) && fits(of_classes, binary) && fits(of_classes, pairs));
  EXPECT_FALSE(fits(of_numbers, classes));
  EXPECT_FALSE(fits(of_classes, numbers));
  // What is in the targets' unit is scaled as they are; what may be their logarithm is not.
  EXPECT_TRUE(Objective(of_numbers, numbers).scales());
  EXPECT_FALSE(Objective(parse_loss("formula: exp(y) - t * y"), numbers).scales());
}

/// Outputs of a network, made up: some per sample and output, as the head would give them.
Tensor outputs_for(const Objective& objective, std::int64_t samples) {
  const std::int64_t columns = objective.outputs() * (objective.head() == Head::mean_and_variance ? 2 : 1);
  std::vector<float> values;
  for (std::int64_t i = 0; i < samples * columns; ++i)
    values.push_back(0.3f + 0.6f * std::abs(std::sin(7.0f * float(i))));
  const Tensor y = Tensor::from(values).reshape({samples, columns});
  return objective.head() == Head::log_softmax ? log_softmax(y, 1) : y;
}

/// Lovasz wants 0 or 1, and only losses of masks can do with ignored targets.
bool targets_fit(const Objective& objective, const data::Dataset& data) {
  try {
    objective.check_targets(data);
    return true;
  } catch (const DataError&) {
    return false;
  }
}

TEST(Objective, TheMeanOfSampleLossesIsTheLoss) {
  for (const data::Dataset* data : {&binary, &classes, &numbers, &pairs, &masks}) {
    for_each_loss([&](const auto& loss) {
      const AnyLoss any{.loss = loss};
      if (!fits(any, *data)) return;
      Tensor weights;
      if (data->task != data::Task::regression) {
        std::vector<float> w(static_cast<std::size_t>(data->num_classes()));
        for (std::size_t k = 0; k < w.size(); ++k) w[k] = 0.5f + static_cast<float>(k);
        weights = Tensor::from(w);
      }
      for (Normalize normalize_by : {Normalize::standard, Normalize::count, Normalize::weight_sum}) {
        const Objective objective(any, *data, {weights, normalize_by});
        if (!targets_fit(objective, *data)) continue;
        const Tensor outputs = outputs_for(objective, data->size()), targets = Tensor::from(data->targets);
        const Tensor losses = objective.sample_losses(outputs, targets, true);
        ASSERT_EQ(losses.shape(), Shape({data->size()})) << loss.info.name;
        const double mean = sum(losses).item() / objective.denominator(targets);
        EXPECT_NEAR(mean, objective.loss(outputs, targets).item(), 1e-5 * std::max(1.0, std::abs(mean)))
            << loss.info.name;
      }
    });
  }
}

TEST(Objective, BinaryLabelsBecomeSignsWhereTheLossWantsThem) {
  const Objective objective(parse_loss("soft_margin"), binary);
  const Tensor y = Tensor::from(std::vector<float>{-2, 3, -1, 1}).reshape({4, 1});
  const auto losses = objective.sample_losses(y, Tensor::from(binary.targets), false).to_vector<double>();
  const double margins[] = {2, 3, -1, -1};  // label as sign times score
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(losses[i], std::log1p(std::exp(-margins[i])), 1e-6);
  EXPECT_EQ(objective.predictions(y).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1, 0, 1}));
}

TEST(Objective, ADistanceBelowHalfOfTheMarginIsASimilarPair) {
  const Tensor y = Tensor::from({0.4f, 0.6f, 0.9f, 1.1f}, {4, 1});
  const auto predicted = [&](const char* loss) {
    return Objective(parse_loss(loss), binary).predictions(y).to_vector<std::int64_t>();
  };
  EXPECT_EQ(predicted("hinge_embedding"), (std::vector<std::int64_t>{1, 0, 0, 0}));
  EXPECT_EQ(predicted("hinge_embedding:margin=2"), (std::vector<std::int64_t>{1, 1, 1, 0}));
}

TEST(Objective, SeveralQuantilesHaveAnOutputEach) {
  const Objective objective(parse_loss("quantile:q=0.9/0.1/0.4"), numbers);
  EXPECT_EQ(objective.outputs(), 3);
  const Tensor y = Tensor::from({1.0f, 2.0f, 3.0f}, {1, 3});
  EXPECT_EQ(objective.predictions(y).to_vector<float>(), std::vector<float>{3});  // 0.4 is nearest to the median
}

TEST(Objective, OneLogitHasAMarginAsSeveralHave) {
  const Tensor targets = Tensor::from(binary.targets);  // 0 1 1 0
  const std::vector<float> logits{-2, 3, -0.5, 1};
  const std::vector<double> expected{2, 3, -0.5, -1};
  std::vector<float> likely, two;
  for (float z : logits) {
    likely.push_back(1 / (1 + std::exp(-z)));
    two.insert(two.end(), {0.25f, 0.25f + z});
  }
  const auto margins_of = [&](const char* loss, const std::vector<float>& outputs) {
    LossExtras extras;
    const std::int64_t columns = std::ssize(outputs) / 4;
    Objective(parse_loss(loss), binary).loss(Tensor::from(outputs).reshape({4, columns}), targets, true, &extras);
    EXPECT_EQ(extras.losses.numel(), 4) << loss;
    return extras.margins.to(DType::float64).to_vector<double>();
  };
  for (const char* loss : {"binary_cross_entropy_with_logits", "binary_focal", "soft_margin", "asymmetric"}) {
    EXPECT_EQ(margins_of(loss, logits), expected) << loss;
  }
  const auto of_probabilities = margins_of("binary_cross_entropy", likely), of_classes = margins_of("focal", two);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(of_probabilities[i], expected[i], 1e-5);
    EXPECT_NEAR(of_classes[i], expected[i], 1e-6);
  }
  EXPECT_EQ(margins_of("binary_cross_entropy", {0, 1, 0, 1}), (std::vector<double>{100, 100, -100, -100}));
  EXPECT_FALSE(Objective(parse_loss("hinge_embedding"), binary).has_margins());
  EXPECT_FALSE(Objective(parse_loss("mse"), numbers).has_margins());
}

TEST(Objective, TargetsOutsideTheDomainAreNamed) {
  const data::Dataset outside = dataset(Tensor::from(std::vector<float>{0.5f, 1, 2, 0}));
  const Objective objective(parse_loss("binary_cross_entropy"), outside);
  EXPECT_NO_THROW(objective.check_targets(numbers));
  const data::Dataset logarithms = dataset(Tensor::from({-0.5f, -1.0f, -0.1f, -3.0f, 0.0f, -2.0f}, {3, 2}));
  EXPECT_NO_THROW(Objective(parse_loss("kl_div:log_target=true"), logarithms).check_targets(logarithms));
  EXPECT_THROW(Objective(parse_loss("kl_div"), logarithms).check_targets(logarithms), DataError);
  try {
    objective.check_targets(outside);
    FAIL() << "a target of 2 was accepted";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("sample 2 (counted from 0) is 2,"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace perdita::train
