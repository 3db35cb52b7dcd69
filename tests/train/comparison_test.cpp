// A comparison: every candidate under every seed, from the same weights; what a table is made of; resuming.
#include "perdita/train/comparison.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "linear_model.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/train/comparison_metrics.hpp"

namespace perdita::train {
namespace {

namespace fs = std::filesystem;

struct ComparisonTest : ::testing::Test {
  fs::path root =
      fs::temp_directory_path() / fmt::format("perdita-comparison-{}-{}", ::getpid(),
                                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
  ComparisonTest() { fs::remove_all(root); }
  ~ComparisonTest() override { fs::remove_all(root); }
};

ComparisonPlan plan_of(const char* losses, std::int64_t seeds = 2) {
  ComparisonPlan plan{.losses = losses, .seeds = seeds, .common = {}};
  plan.common.data = "synthetic:blobs,samples=150,classes=3";
  plan.common.hidden = {8};
  plan.common.epochs = 3;
  plan.common.threads = 1;
  plan.common.charts = {.svg = false, .png = false};
  return plan;
}

std::string message_of(auto&& work) {
  try {
    work();
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

/// Everything but the seconds.
std::vector<std::vector<double>> values_of(const Comparison& comparison) {
  std::vector<std::vector<double>> all;
  for (const auto& candidate : comparison.results().candidates) {
    for (const auto& run : candidate.runs) all.emplace_back(run.values.begin(), run.values.end() - 1);
  }
  return all;
}

TEST_F(ComparisonTest, EveryCandidateRunsUnderEverySeedFromTheSameWeights) {
  Comparison comparison(plan_of("cross_entropy; cross_entropy:patience=0; focal"), root);
  EXPECT_EQ(comparison.runs(), 6);
  std::vector<std::vector<float>> first_weights;
  std::vector<std::uint64_t> seeds;
  const ComparisonEvents events{.on_run = [&](std::int64_t, const train::Run& run) {
    first_weights.push_back(run.trainer().model().state_dict().at(2).second.to_vector<float>());
    seeds.push_back(run.problem().config.seed);
  }};
  ASSERT_TRUE(comparison.run(events));
  comparison.finish();
  EXPECT_EQ(comparison.runs_done(), 6);
  ASSERT_EQ(seeds, (std::vector<std::uint64_t>{0, 0, 0, 1, 1, 1}));
  for (std::size_t run = 0; run < 6; ++run) EXPECT_EQ(first_weights[run], first_weights[run / 3 * 3]) << run;
  EXPECT_NE(first_weights[0], first_weights[3]);

  const auto& candidates = comparison.results().candidates;
  ASSERT_EQ(candidates.size(), 3u);
  const auto values = values_of(comparison);
  EXPECT_EQ(values[0], values[2]);  // the same options, written in two ways
  EXPECT_EQ(values[1], values[3]);
  EXPECT_NE(values[0], values[4]);
  EXPECT_NE(values[0], values[1]);
  const std::string csv = read_file(root / "comparison.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 7);
  EXPECT_TRUE(fs::exists(root / "runs" / "3-focal-seed-1" / "model.safetensors"));
}

TEST_F(ComparisonTest, AnInterruptedOneEndsAsAWholeOne) {
  const char* losses = "cross_entropy; balanced_softmax; focal:lr=0.1";
  Comparison whole(plan_of(losses), root / "whole");
  ASSERT_TRUE(whole.run({}));
  int epochs = 0;
  {
    Comparison cut(plan_of(losses), root / "cut");
    EXPECT_FALSE(
        cut.run({.on_epoch = [&](const EpochReport&) { ++epochs; }, .should_stop = [&] { return epochs == 5; }}));
    EXPECT_EQ(cut.runs_done(), 1);
  }
  Comparison again = Comparison::resume(root / "cut");
  EXPECT_EQ(again.runs_done(), 1);
  std::vector<std::int64_t> resumed;
  ASSERT_TRUE(again.run({.on_run =
                             [&](std::int64_t number, const train::Run& run) {
                               if (run.trainer().epoch() > 0) resumed.push_back(number);
                             },
                         .on_epoch = [&](const EpochReport&) { ++epochs; }}));
  EXPECT_EQ(resumed, std::vector<std::int64_t>{1});
  EXPECT_EQ(epochs, 6 * 3);  // none was trained twice
  EXPECT_EQ(values_of(again), values_of(whole));
}

TEST_F(ComparisonTest, ARunThatDivergesIsAResult) {
  std::optional<Comparison> comparison;
  comparison.emplace(plan_of("cross_entropy; cross_entropy:lr=1e30,optimizer=sgd", 1), root);
  ASSERT_TRUE(comparison->run({}));
  const auto candidates = comparison->results().candidates;
  EXPECT_EQ(candidates[0].runs[0].failure, "");
  EXPECT_NE(candidates[1].runs[0].failure.find("too large"), std::string::npos) << candidates[1].runs[0].failure;
  EXPECT_TRUE(candidates[1].runs[0].values.empty());
  // One seed: what each test sample says is kept, and read back.
  comparison.reset();  // which lets go of the folder
  const Comparison again = Comparison::resume(root);
  EXPECT_EQ(again.runs_done(), 2);
  ASSERT_EQ(candidates[0].runs[0].samples.size(), 2u);
  EXPECT_EQ(again.results().candidates[0].runs[0].samples, candidates[0].runs[0].samples);
}

TEST_F(ComparisonTest, WhatDoesNotFitIsFoundBeforeAnythingIsTrained) {
  EXPECT_NE(message_of([&] { Comparison(plan_of("cross_entropy; mse"), root); }).find("'mse': the loss mse does not"),
            std::string::npos);
  ComparisonPlan plan = plan_of("cross_entropy; focal");
  plan.common.test_fraction = 0;
  EXPECT_NE(message_of([&] { Comparison(plan, root); }).find("no test samples"), std::string::npos);
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(ComparisonTest, ADamagedFileIsRefusedByName) {
  {
    Comparison comparison(plan_of("cross_entropy; focal"), root);
    ASSERT_TRUE(comparison.run({}));
  }
  const fs::path file = root / "comparison.json";
  const std::string intact = read_file(file);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = intact;
    text.replace(text.find(from), from.size(), to);
    write_file_atomically(file, text);
    return message_of([&] { Comparison::resume(root); });
  };
  EXPECT_EQ(with("\"seeds\": 2", "\"seeds\": 2"), "accepted");
  EXPECT_NE(with("\"loss\": \"focal\"", "\"loss\": \"focl\"").find("loss is \"focl\""), std::string::npos);
  EXPECT_NE(with("\"seed\": 1", "\"seed\": 0").find("has seed 0 twice"), std::string::npos);
  EXPECT_NE(with("\"seed\": 1", "\"seed\": 7").find("(valid: one of the seeds)"), std::string::npos);
  EXPECT_NE(with("\"accuracy\": ", "\"acuracy\": ").find("accuracy is missing"), std::string::npos);
}

/// Metrics of a model whose outputs are known: the same for every sample.
struct ConstantModel final : Model {
  explicit ConstantModel(const std::vector<float>& values) : outputs(Tensor::from(values)) {}
  Tensor forward(const Tensor& inputs) const override {
    return Tensor::zeros({inputs.size(0), outputs.size(0)}) + outputs;
  }
  ModelDescription description() const override { return {.kind = "constant", .title = "constant", .sizes = ""}; }
  Tensor outputs;
};

TEST(ComparisonMetrics, OfClasses) {
  Config config;
  config.data = "synthetic:blobs,samples=200,classes=3";
  const Problem problem = prepare(config);
  const std::vector<std::int64_t> counts = problem.test->class_counts();
  const double share = static_cast<double>(counts[1]) / static_cast<double>(problem.test->size());
  const double p[] = {0.2, 0.7, 0.1};
  const ConstantModel model({std::log(0.2f), std::log(0.7f), std::log(0.1f)});
  const Measurement measured = measure(model, problem);
  const auto metrics = comparison_metrics(problem);
  ASSERT_EQ(measured.values.size() + 1, metrics.size());  // the seconds are not the model's
  std::map<std::string, double> value;
  for (std::size_t m = 0; m < measured.values.size(); ++m) value[metrics[m].name] = measured.values[m];
  EXPECT_NEAR(value.at("accuracy"), share, 1e-12);
  EXPECT_NEAR(value.at("balanced_accuracy"), 1.0 / 3, 1e-12);
  EXPECT_NEAR(value.at("ece"), std::abs(0.7 - share), 1e-6);
  double loss = 0;
  for (std::size_t k = 0; k < 3; ++k)
    loss -= static_cast<double>(counts[k]) * std::log(p[k]) / static_cast<double>(problem.test->size());
  EXPECT_NEAR(value.at("test_cross_entropy"), loss, 1e-6);
}

TEST(ComparisonMetrics, OfNumbers) {
  Config config;
  config.data = "synthetic:linear,samples=100";
  const Problem problem = prepare(config);
  const auto y = Tensor::from(problem.test->targets).to(DType::float64).to_vector<double>();
  double square = 0, size = 0;
  for (double t : y) {
    square += (t - 0.5) * (t - 0.5) / static_cast<double>(y.size());
    size += std::abs(t - 0.5) / static_cast<double>(y.size());
  }
  const Measurement measured = measure(ConstantModel({0.5f}), problem);
  EXPECT_NEAR(measured.values[0], std::sqrt(square), 1e-6);
  EXPECT_NEAR(measured.values[1], size, 1e-6);
  EXPECT_LE(measured.values[2], 0);  // no constant beats the mean
  EXPECT_FALSE(calibration_of(ConstantModel({0.5f}), problem));
}

}  // namespace
}  // namespace perdita::train
