// The training loop: steps against updates worked out by hand, checkpoints, patience, and what ends it early.
#include "perdita/train/trainer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "linear_model.hpp"
#include "perdita/core/error.hpp"
#include "perdita/train/evaluate_model.hpp"

namespace perdita::train {
namespace {

using Values = std::map<std::string, std::vector<float>>;

Values values_of(const nn::StateDict& state) {
  Values values;
  for (const auto& [name, tensor] : state) values[name] = tensor.to(DType::float32).to_vector<float>();
  return values;
}

Config linear_config() {
  Config config;
  config.data = "synthetic:linear,samples=40,features=3";
  config.val_fraction = 0;
  config.test_fraction = 0;
  config.optimizer = parse_optimizer("sgd");
  config.lr = 0.1;
  config.batch_size = 40;
  config.epochs = 4;
  return config;
}

Config moons_config() {
  Config config;
  config.data = "synthetic:moons,samples=120,noise=0.3";
  config.hidden = {16};
  config.lr = 0.02;
  config.batch_size = 16;
  config.epochs = 4;
  return config;
}

/// Mean squared error of y = x w + b, and gradient descent on it, in double.
struct GradientDescent {
  std::vector<double> w;
  double b = 0;

  double step(const std::vector<double>& x, const std::vector<double>& y, double lr) {
    const std::size_t rows = y.size(), columns = w.size();
    std::vector<double> gradient(columns);
    double loss = 0, by_bias = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      double error = b - y[i];
      for (std::size_t j = 0; j < columns; ++j) error += x[i * columns + j] * w[j];
      loss += error * error / static_cast<double>(rows);
      by_bias += 2 * error / static_cast<double>(rows);
      for (std::size_t j = 0; j < columns; ++j)
        gradient[j] += 2 * error * x[i * columns + j] / static_cast<double>(rows);
    }
    for (std::size_t j = 0; j < columns; ++j) w[j] -= lr * gradient[j];
    b -= lr * by_bias;
    return loss;
  }
};

TEST(Trainer, TakesTheStepsOfGradientDescent) {
  const Problem problem = prepare_linear(linear_config());
  const auto x = Tensor::from(problem.train.inputs).to(DType::float64).to_vector<double>();
  const auto y = Tensor::from(problem.train.targets).to(DType::float64).to_vector<double>();
  ASSERT_EQ(y.size(), 40u);
  Trainer trainer(problem);
  EXPECT_EQ(trainer.model().parameter_count(), 4);
  GradientDescent expected{std::vector<double>(3)};
  while (!trainer.is_finished()) {
    const auto report = trainer.run_epoch();
    ASSERT_TRUE(report);
    EXPECT_NEAR(report->train_loss, expected.step(x, y, 0.1), 1e-5);
    EXPECT_EQ(report->step, trainer.epoch());
    EXPECT_EQ(report->lr, 0.1);
    EXPECT_FALSE(report->val_loss);
  }
  EXPECT_EQ(trainer.epoch(), 4);
  const Values state = values_of(trainer.model().state_dict());
  for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(state.at("weight")[j], expected.w[j], 1e-5);
  EXPECT_NEAR(state.at("bias")[0], expected.b, 1e-5);
}

TEST(Trainer, LearningRateFollowsTheSchedule) {
  Config config = linear_config();
  config.batch_size = 10;
  config.warmup = 1;
  config.schedule = parse_schedule("step:0.5,factor=0.1");
  const Problem problem = prepare_linear(config);
  Trainer trainer(problem);
  std::vector<double> rates;
  while (!trainer.is_finished()) trainer.run_epoch({.on_step = [&](const StepReport& at) { rates.push_back(at.lr); }});
  ASSERT_EQ(rates.size(), 16u);
  for (std::size_t step = 0; step < 16; ++step) {
    const double expected = step < 4 ? 0.1 * static_cast<double>(step + 1) / 4 : step < 8 ? 0.1 : 0.01;
    EXPECT_NEAR(rates[step], expected, 1e-15) << step;
  }
}

TEST(Trainer, WeightsCountAfterTheirShareOfTheRun) {
  Config config = moons_config();
  config.val_fraction = 0;
  config.pos_weight = parse_pos_weight("3");
  config.defer_weights = 0.5;
  config.batch_size = 1000;
  config.lr = 1e-12;
  const Problem problem = prepare(config);
  const Tensor inputs = Tensor::from(problem.train.inputs), targets = Tensor::from(problem.train.targets);
  Trainer trainer(problem);
  const Tensor outputs = trainer.model()(inputs);
  const double plain = problem.objective.loss(outputs, targets, false).item();
  const double weighted = problem.objective.loss(outputs, targets, true).item();
  ASSERT_GT(std::abs(weighted - plain), 0.01);
  for (double expected : {plain, plain, weighted, weighted})
    EXPECT_NEAR(trainer.run_epoch()->train_loss, expected, 1e-5);
}

TEST(Trainer, OversamplingVisitsEveryClassAsOftenAsTheLargest) {
  Config config = moons_config();
  config.data = "synthetic:imbalanced-blobs,samples=300,ratio=9";
  config.val_fraction = 0;
  config.batch_size = 1;
  for (const Sampling sampling : {Sampling::shuffle, Sampling::oversample, Sampling::undersample}) {
    config.sampling = sampling;
    const Problem problem = prepare(config);
    const std::vector<std::int64_t> counts = problem.train.class_counts();
    const auto [least, most] = std::ranges::minmax(counts);
    const std::int64_t expected = sampling == Sampling::shuffle      ? problem.train.size()
                                  : sampling == Sampling::oversample ? most * std::ssize(counts)
                                                                     : least * std::ssize(counts);
    Trainer trainer(problem);
    EXPECT_EQ(trainer.run_epoch()->step, expected) << name_of(sampling);
  }
}

TEST(Trainer, ARestoredRunContinuesBitForBit) {
  Config config = moons_config();
  config.dropout = 0.2;
  config.schedule = parse_schedule("cosine");
  for (const Problem& problem : {prepare(config), prepare_linear(config)}) {
    Trainer whole(problem), first(problem), second(problem);
    std::vector<double> losses;
    for (int epoch = 0; epoch < 4; ++epoch) losses.push_back(whole.run_epoch()->train_loss);
    for (std::size_t epoch = 0; epoch < 2; ++epoch) EXPECT_EQ(first.run_epoch()->train_loss, losses[epoch]);
    second.restore(first.checkpoint());
    EXPECT_EQ(second.epoch(), 2);
    for (std::size_t epoch = 2; epoch < 4; ++epoch) EXPECT_EQ(second.run_epoch()->train_loss, losses[epoch]);
    const Checkpoint expected = whole.checkpoint(), found = second.checkpoint();
    EXPECT_EQ(values_of(found.model), values_of(expected.model));
    EXPECT_EQ(values_of(found.optimizer), values_of(expected.optimizer));
    EXPECT_EQ(values_of(found.samples), values_of(expected.samples));
    EXPECT_EQ(found.best_loss, expected.best_loss);
  }
}

TEST(Trainer, PartsOfASumAreReportedAndFollowTheEpoch) {
  Config config = moons_config();
  config.loss = parse_loss_sum("binary_cross_entropy_with_logits + linear(0,1,epochs=2)*binary_focal");
  config.batch_size = 1000;
  config.lr = 1e-12;  // the model stays as it is
  const Problem problem = prepare(config);
  Trainer trainer(problem);
  for (const double weight : {0.0, 0.5, 1.0, 1.0}) {
    const auto report = trainer.run_epoch();
    ASSERT_EQ(report->parts.size(), 2u);
    EXPECT_EQ(report->parts[0].name, "binary_cross_entropy_with_logits");
    EXPECT_EQ(report->parts[1].name, "binary_focal");
    EXPECT_EQ(report->parts[1].weight, weight);
    EXPECT_NEAR(report->train_loss, report->parts[0].train_loss + weight * report->parts[1].train_loss, 1e-6);
    EXPECT_NEAR(*report->val_loss, *report->parts[0].val_loss + weight * *report->parts[1].val_loss, 1e-6);
    EXPECT_GT(report->parts[1].train_loss, 0);
    EXPECT_FALSE(report->is_best);
  }
}

TEST(Trainer, LearnedWeightsAndParametersAreTrainedAndRestored) {
  Config config = linear_config();
  config.lr = 0.05;
  config.loss = parse_loss_sum("learned*mse + (formula: param(a, 1) * (y - t)^2 + exp(-param(a, 1)))");
  const Problem problem = prepare_linear(config);
  Trainer whole(problem), first(problem), second(problem);
  std::vector<EpochReport> reports;
  for (int epoch = 0; epoch < 4; ++epoch) reports.push_back(*whole.run_epoch());
  const auto& parameters = reports[3].loss_parameters;
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].first, "log_variance_mse");
  EXPECT_EQ(parameters[1].first, "a");
  EXPECT_NE(parameters[0].second, 0);
  EXPECT_NE(parameters[1].second, 1);
  // One step of the parameters by hand, from the losses of the first batch.
  const double mse = reports[0].parts[0].train_loss;
  EXPECT_NEAR(reports[0].loss_parameters[0].second, -0.05 * (0.5 - mse), 1e-5);
  EXPECT_NEAR(reports[0].loss_parameters[1].second, 1 - 0.05 * (mse - std::exp(-1)), 1e-5);
  for (std::size_t epoch = 0; epoch < 2; ++epoch) EXPECT_EQ(first.run_epoch()->train_loss, reports[epoch].train_loss);
  second.restore(first.checkpoint());
  for (std::size_t epoch = 2; epoch < 4; ++epoch) {
    const auto report = second.run_epoch();
    EXPECT_EQ(report->train_loss, reports[epoch].train_loss);
    EXPECT_EQ(report->loss_parameters, reports[epoch].loss_parameters);
  }
  EXPECT_EQ(values_of(second.checkpoint().loss), values_of(whole.checkpoint().loss));
}

TEST(Trainer, PatienceNeedsWeightsThatDoNotChange) {
  Config config = moons_config();
  config.patience = 2;
  config.loss = parse_loss_sum("binary_cross_entropy_with_logits + linear(0,1,epochs=2)*binary_focal");
  EXPECT_THROW(prepare(config), ValueError);
}

TEST(Trainer, NamesTheRowWhoseLossIsNotFinite) {
  Config config = linear_config();
  config.loss = parse_loss_sum("0.5*mse + (formula: sqrt(abs(y - t) - 100))");
  const Problem problem = prepare_linear(config);
  Trainer trainer(problem);
  try {
    trainer.run_epoch();
    FAIL();
  } catch (const NumericalError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("first: formula: the loss of row 0 is nan, although the operands"), std::string::npos)
        << message;
    EXPECT_NE(message.find("(row 0 of the batch is sample "), std::string::npos) << message;
  }
}

TEST(Trainer, CheckpointsOfAnotherModelAreRefused) {
  const Problem mlp = prepare(moons_config()), linear = prepare_linear(moons_config());
  Trainer of_mlp(mlp), of_linear(linear);
  EXPECT_THROW(of_mlp.restore(of_linear.checkpoint()), Error);
  Checkpoint damaged = of_linear.checkpoint();
  damaged.model[0].second = Tensor::full(damaged.model[0].second.shape(), std::nan(""));
  EXPECT_THROW(of_linear.restore(damaged), ValueError);
}

TEST(Trainer, PatienceKeepsTheModelOfTheBestEpoch) {
  Config config = moons_config();
  config.data = "synthetic:moons,samples=120,noise=0.5";
  config.hidden = {100, 100};
  config.epochs = 200;
  config.patience = 3;
  const Problem problem = prepare(config);
  Trainer trainer(problem);
  std::vector<double> losses;
  while (!trainer.is_finished()) {
    const auto report = trainer.run_epoch();
    EXPECT_EQ(report->is_best, losses.empty() || *report->val_loss < std::ranges::min(losses));
    losses.push_back(*report->val_loss);
  }
  ASSERT_TRUE(trainer.stopped_early());
  const auto best = std::ranges::min_element(losses) - losses.begin() + 1;
  EXPECT_EQ(trainer.best_epoch(), best);
  EXPECT_EQ(trainer.epoch(), best + 3);
  trainer.take_best();
  const auto evaluation = evaluate_model(trainer.model(), problem.objective, *problem.validation, true);
  EXPECT_EQ(evaluation.mean_loss, losses[static_cast<std::size_t>(best - 1)]);
}

TEST(Trainer, StopsBetweenSteps) {
  const Problem problem = prepare(moons_config());
  Trainer trainer(problem);
  int steps = 0;
  const Events events{.on_step = [&](const StepReport&) { ++steps; }, .should_stop = [&] { return steps == 2; }};
  EXPECT_FALSE(trainer.run_epoch(events));
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(trainer.epoch(), 0);
  EXPECT_EQ(trainer.checkpoint().step, 0);
}

TEST(Trainer, ALossThatIsNotFiniteEndsTheRunWithItsCause) {
  Config config = linear_config();
  config.lr = 1e30;
  const Problem problem = prepare_linear(config);
  Trainer trainer(problem);
  try {
    while (!trainer.is_finished()) trainer.run_epoch();
    FAIL() << "a learning rate of 1e30 led nowhere";
  } catch (const NumericalError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("epoch"), std::string::npos) << text;
    EXPECT_NE(text.find("the learning rate 1e+30 is too large"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace perdita::train
