// A run in its folder: what it writes, that it can be resumed, replaced, and what it refuses.
#include "perdita/train/run.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "linear_model.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/safetensors.hpp"

namespace perdita::train {
namespace {

namespace fs = std::filesystem;

struct RunTest : ::testing::Test {
  fs::path root =
      fs::temp_directory_path() /
      fmt::format("perdita-run-{}-{}", ::getpid(), ::testing::UnitTest::GetInstance()->current_test_info()->name());
  RunTest() { fs::remove_all(root); }
  ~RunTest() override { fs::remove_all(root); }
};

Config config_of(const char* data) {
  Config config;
  config.data = data;
  config.hidden = {8};
  config.lr = 0.02;
  config.batch_size = 16;
  config.epochs = 3;
  config.threads = 1;
  config.charts = {.svg = false, .png = false};
  return config;
}
constexpr const char* moons = "synthetic:moons,samples=100";

std::string message_of(auto&& work) {
  try {
    work();
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_F(RunTest, WritesWhatAnyModelIs) {
  train::Run run(prepare_linear(config_of("synthetic:linear,samples=100,features=3")), root, false);
  ASSERT_TRUE(run.train({}));
  const auto result = run.finish();
  ASSERT_TRUE(result && result->regression);

  const data::SafeTensors model = data::read_safetensors(root / "model.safetensors");
  const auto facts = nlohmann::json::parse(model.metadata.at("perdita_model"));
  EXPECT_EQ(facts["model"], "linear");
  EXPECT_EQ(facts["sizes"], "3-1");
  EXPECT_EQ(facts["loss"], "mse");
  ASSERT_TRUE(model.tensors.contains("weight") && model.tensors.contains("bias"));
  EXPECT_NE(read_file(root / "report.html").find("a linear model 3-1"), std::string::npos);

  // The test loss again, from the file.
  const auto w = Tensor::from(model.tensors.at("weight")).to(DType::float64).to_vector<double>();
  const double b = Tensor::from(model.tensors.at("bias")).item();
  const data::Dataset& test = *run.problem().test;
  const auto x = Tensor::from(test.inputs).to(DType::float64).to_vector<double>();
  const auto y = Tensor::from(test.targets).to(DType::float64).to_vector<double>();
  double mean = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    double error = b - y[i];
    for (std::size_t j = 0; j < 3; ++j) error += x[3 * i + j] * w[j];
    mean += error * error / static_cast<double>(y.size());
  }
  EXPECT_NEAR(result->evaluation.mean_loss, mean, 1e-5 * mean);
  EXPECT_NEAR(result->regression->mse, mean, 1e-5 * mean);

  const auto history = evaluate::read_history(root / "history.jsonl");
  EXPECT_EQ(std::ranges::count(history, "epoch", &evaluate::Record::kind), 3);
  EXPECT_EQ(history.back().kind, "test");
}

TEST_F(RunTest, AnInterruptedRunEndsWithTheModelOfAWholeOne) {
  train::Run whole(prepare(config_of(moons)), root / "whole", false);
  ASSERT_TRUE(whole.train({}));
  whole.finish();
  {
    train::Run cut(prepare(config_of(moons)), root / "cut", false);
    int epochs = 0;
    EXPECT_FALSE(
        cut.train({.on_epoch = [&](const EpochReport&) { ++epochs; }, .should_stop = [&] { return epochs == 2; }}));
    EXPECT_EQ(cut.trainer().epoch(), 2);
  }
  Resumable found = find_run(root / "cut");
  ASSERT_TRUE(found.checkpoint);
  EXPECT_EQ(found.checkpoint->epoch, 2);
  train::Run again(prepare(found.config), std::move(found.folder), found.checkpoint);
  ASSERT_TRUE(again.train({}));
  again.finish();
  for (const char* file : {"model.safetensors", "suspects.csv", "config.json"})
    EXPECT_EQ(read_file(root / "cut" / file), read_file(root / "whole" / file)) << file;
}

TEST_F(RunTest, OtherDataOrFewerEpochsAreRefused) {
  {
    train::Run run(prepare(config_of(moons)), root, false);
    run.train({});
  }
  const auto resume = [&](auto&& change) {
    return message_of([&] {
      Resumable found = find_run(root);
      change(found.config);
      train::Run(prepare(found.config), std::move(found.folder), found.checkpoint);
    });
  };
  EXPECT_EQ(resume([](Config&) {}), "accepted");
  EXPECT_NE(resume([](Config& c) { c.data = "synthetic:moons,samples=100,noise=0.2"; }).find("differ from the data"),
            std::string::npos);
  EXPECT_EQ(resume([](Config& c) { c.epochs = 2; }), "epochs is 2, but 3 have already been trained (valid: 3 or more)");
  EXPECT_NE(message_of([&] { find_run(root / "nowhere"); }).find("does not exist"), std::string::npos);
}

TEST_F(RunTest, AChangeWithNothingLeftToTrainBringsAWarning) {
  {
    train::Run run(prepare(config_of(moons)), root, false);
    run.train({});
  }
  Resumable found = find_run(root);
  found.config.lr = 0.5;
  const train::Run run(prepare(found.config), std::move(found.folder), found.checkpoint);
  ASSERT_EQ(run.problem().warnings.size(), 1u);
  EXPECT_NE(run.problem().warnings[0].find("lr remains 0.02"), std::string::npos) << run.problem().warnings[0];
  EXPECT_EQ(*run.problem().config.lr, 0.02);
}

TEST_F(RunTest, AnOldRunIsReplacedAfterTheFirstEpochOfTheNewOne) {
  {
    train::Run run(prepare(config_of(moons)), root, false);
    run.train({});
  }
  const std::string old = read_file(root / "checkpoint.safetensors");
  EXPECT_NE(message_of([&] { train::Run(prepare(config_of(moons)), root, false); }).find("is not empty"),
            std::string::npos);
  Config other = config_of(moons);
  other.seed = 1;
  train::Run run(prepare(other), root, true);
  EXPECT_TRUE(run.keeps_old_run());
  EXPECT_EQ(read_file(root / "checkpoint.safetensors"), old);
  EXPECT_TRUE(run.train({.on_epoch = [&](const EpochReport&) { EXPECT_FALSE(run.keeps_old_run()); }}));
  EXPECT_NE(read_file(root / "checkpoint.safetensors"), old);
  EXPECT_EQ(config_from_json(read_file(root / "config.json"), "config").seed, 1u);
}

TEST_F(RunTest, ARunThatDivergesKeepsItsLastCheckpointAndADiagnosis) {
  Config config = config_of("synthetic:linear,samples=100,features=3");
  config.optimizer = parse_optimizer("sgd");
  config.lr = 3;  // far beyond what converges
  config.epochs = 200;
  train::Run run(prepare_linear(config), root, false);
  const std::string message = message_of([&] { run.train({}); });
  EXPECT_NE(message.find("the checkpoint of epoch"), std::string::npos) << message;
  ASSERT_FALSE(run.diagnosis().empty());
  EXPECT_EQ(run.diagnosis()[0].issue, diagnose::Issue::divergence);
  EXPECT_EQ(find_run(root).checkpoint->epoch, run.trainer().epoch());
}

}  // namespace
}  // namespace perdita::train
