// A hand-written loop that records itself: the files, epochs, errors, and a run that continues.
#include "perdita/report/recorder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::report {
namespace {

namespace fs = std::filesystem;

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            fmt::format("recorder-{}-{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::vector<evaluate::Record> history(const fs::path& folder) const {
    return evaluate::read_history(folder / "history.jsonl");
  }
  static std::string message_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  fs::path root_;
};

/// A batch of two classes with these margins; losses are log(1 + exp(-margin)).
struct Batch {
  std::vector<std::int64_t> samples, labels;
  std::vector<double> margins;

  RecordedStep step() const {
    std::vector<double> losses;
    for (double margin : margins) losses.push_back(std::log1p(std::exp(-margin)));
    return {.losses = Tensor::from(losses),
            .margins = Tensor::from(margins),
            .labels = Tensor::from(labels),
            .samples = samples};
  }
  double loss() const {
    double sum = 0;
    for (double margin : margins) sum += std::log1p(std::exp(-margin));
    return sum / static_cast<double>(margins.size());
  }
};

const Batch first{{0, 1, 2}, {0, 1, 1}, {1, -2, 3}}, second{{3, 4}, {0, 0}, {0.5, 2}};

HeldOut held_out() {
  return {.outputs = Tensor::from(std::vector<float>{2, 1, -1, 1, 0, 3, 1, -1}, {4, 2}),
          .targets = Tensor::from(std::vector<std::int64_t>{0, 1, 0, 0})};
}

TEST_F(RecorderTest, WritesWhatTheStepsWere) {
  const fs::path folder = root_ / "run";
  {
    Recorder recorder(folder,
                      {.data = "<data>", .loss = "cross_entropy", .class_names = {"cat", "dog"}, .train_samples = 5});
    for (int epoch = 0; epoch < 3; ++epoch) {
      recorder.step(first.step());
      recorder.log("lr", 0.1);
      recorder.log("grad_norm", 2);
      recorder.step(second.step());
      recorder.epoch(held_out(), {{"my_value", 7}});
      EXPECT_TRUE(fs::exists(folder / "report.html"));
      EXPECT_NE(read_file(folder / "report.html").find("http-equiv=\"refresh\""), std::string::npos);
    }
    recorder.finish({}, held_out());
    EXPECT_THROW(recorder.step(first.step()), ValueError);
  }
  const auto records = history(folder);
  ASSERT_EQ(records.size(), 3u * 3 + 1);
  EXPECT_EQ(records[0].kind, "step");
  EXPECT_NEAR(*records[0].find("train_loss"), first.loss(), 1e-12);
  EXPECT_EQ(records[0].find("lr"), 0.1);
  EXPECT_EQ(records[0].find("grad_norm"), 2.0);
  EXPECT_EQ(records[1].find("lr"), std::nullopt);
  const evaluate::Record& epoch = records[2];
  EXPECT_EQ(epoch.kind, "epoch");
  EXPECT_NEAR(*epoch.find("train_loss"), (3 * first.loss() + 2 * second.loss()) / 5, 1e-12);
  EXPECT_NEAR(*epoch.find("train_accuracy"), 0.8, 1e-12);
  EXPECT_EQ(epoch.find("my_value"), 7.0);
  EXPECT_EQ(epoch.find("lr"), 0.1);
  // cat: samples 0, 3 and 4; dog: 1 and 2.
  const auto loss = [](double margin) { return std::log1p(std::exp(-margin)); };
  EXPECT_NEAR(*epoch.find("train_loss/cat"), (loss(1) + loss(0.5) + loss(2)) / 3, 1e-12);
  EXPECT_NEAR(*epoch.find("train_loss/dog"), (loss(-2) + loss(3)) / 2, 1e-12);
  // Logit differences of the labels: 1, 2, -3 and 2.
  const double val = (loss(1) + loss(2) + loss(-3) + loss(2)) / 4;
  EXPECT_NEAR(*epoch.find("val_loss"), val, 1e-6);
  EXPECT_EQ(epoch.find("val_accuracy"), 0.75);
  EXPECT_EQ(records.back().kind, "test");
  EXPECT_NEAR(*records.back().find("loss"), val, 1e-6);
  EXPECT_EQ(records.back().find("accuracy"), 0.75);
  EXPECT_EQ(read_file(folder / "suspects.csv").substr(0, 60).find("rank,row,label,aum,mean_loss,last_loss\n1,1,1,-2,"),
            0u);
  const std::string page = read_file(folder / "report.html");
  for (const char* text :
       {"This run trained", "&lt;data&gt;", "Training loss by class", "Hardest test samples", "cat"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(page.find("http-equiv=\"refresh\""), std::string::npos);
  EXPECT_NE(read_file(folder / "config.json").find("\"recorder\""), std::string::npos);
  EXPECT_TRUE(fs::exists(folder / "loss.svg"));
}

TEST_F(RecorderTest, ValuesOfAnEpochHaveOneNameEach) {
  const fs::path folder = root_ / "run";
  Recorder recorder(folder, {.loss = "cross_entropy"});
  recorder.step(first.step());
  for (const char* name : {"epoch", "step", "kind", "nonfinite", ""})
    EXPECT_NE(message_of([&] { recorder.epoch({}, {{name, 3}}); }).find("cannot be named"), std::string::npos) << name;
  recorder.log("val_loss", 0.5);
  recorder.epoch({}, {{"val_loss", 0.25}, {"lr", 0.1}, {"lr", 0.2}});
  const evaluate::Record epoch = history(folder).back();
  EXPECT_EQ(epoch.find("val_loss"), 0.25);
  EXPECT_EQ(epoch.find("lr"), 0.2);
  EXPECT_EQ(std::ranges::count(epoch.values, "val_loss", &Recorder::Values::value_type::first), 1);
}

TEST_F(RecorderTest, SecondsOfAnEpochThatContinuesAreThoseOfThisProcess) {
  const fs::path folder = root_ / "run";
  Recorder::State state;
  {
    Recorder cut(folder, {.loss = "cross_entropy"});
    cut.step(first.step());
    state = cut.state();
  }
  Recorder resumed(folder, {.loss = "cross_entropy", .resume = true});
  resumed.load_state(state);
  resumed.step(second.step());
  resumed.epoch();
  EXPECT_LT(*history(folder).back().find("seconds"), 60);
}

TEST_F(RecorderTest, TheLossThatIsNamedLaterIsInTheConfiguration) {
  const fs::path folder = root_ / "run";
  Recorder recorder(folder, {.data = "numbers"});
  recorder.set_loss("focal:gamma=2");
  recorder.set_loss("cross_entropy");  // the first one stays
  const std::string config = read_file(folder / "config.json");
  EXPECT_NE(config.find("\"loss\": \"focal:gamma=2\""), std::string::npos) << config;
  EXPECT_NE(config.find("\"data\": \"numbers\""), std::string::npos) << config;
}

TEST_F(RecorderTest, AnIncompleteEpochDoesNotDecideThatLabelsAreEqual) {
  const fs::path folder = root_ / "run";
  Recorder recorder(folder, {.loss = "cross_entropy", .train_samples = 5});
  for (int epoch = 0; epoch < 3; ++epoch) {
    recorder.step(first.step());
    recorder.step(second.step());
  }
  recorder.step(second.step());  // of one class
  recorder.finish();
  EXPECT_EQ(read_file(folder / "diagnosis.json").find("every label is"), std::string::npos);
}

TEST_F(RecorderTest, EpochsEndWhenSamplesComeAgain) {
  Recorder recorder(root_ / "run", {.loss = "cross_entropy", .train_samples = 5});
  for (int epoch = 0; epoch < 3; ++epoch) {
    recorder.step(first.step());
    recorder.step(second.step());
    recorder.log("val_loss", 0.5 + epoch);
  }
  EXPECT_EQ(recorder.epochs(), 2);
  EXPECT_THROW(recorder.epoch(), ValueError);
  recorder.finish();
  EXPECT_EQ(recorder.epochs(), 3);
  EXPECT_EQ(evaluate::curve(history(root_ / "run"), "epoch", "val_loss").y, (std::vector{0.5, 1.5, 2.5}));
}

TEST_F(RecorderTest, EpochsEndAfterANumberOfSamplesOrAreManual) {
  Recorder counted(root_ / "counted", {.epoch_samples = 5}), manual(root_ / "manual", {.epochs = Epochs::manual});
  for (int i = 0; i < 4; ++i) {
    counted.step(first.step());
    counted.step(second.step());
    manual.step(first.step());
  }
  EXPECT_EQ(counted.epochs(), 3);
  EXPECT_EQ(manual.epochs(), 0);
  manual.epoch();
  EXPECT_EQ(manual.epochs(), 1);
  EXPECT_EQ(message_of([&] { manual.epoch(); }).find("Recorder: epoch() was called, but no step"), 0u);
}

TEST_F(RecorderTest, RefusesWhatDoesNotFit) {
  Recorder recorder(root_ / "run", {.class_names = {"a", "b"}, .train_samples = 5});
  const auto refusal = [&](auto change) {
    RecordedStep step = first.step();
    std::vector<std::int64_t> samples(step.samples.begin(), step.samples.end());
    change(step, samples);
    step.samples = samples;
    return message_of([&] { recorder.step(step); });
  };
  EXPECT_NE(refusal([](auto&, auto& samples) { samples[1] = 5; }).find("index[1] is 5 (valid: 0..4"),
            std::string::npos);
  EXPECT_NE(refusal([](auto&, auto& samples) { samples.pop_back(); }).find("index has 2 entries"), std::string::npos);
  EXPECT_NE(refusal([](auto& step, auto&) {
              step.labels = Tensor::from(std::vector<std::int64_t>{0, 1, 2});
            }).find("label[2] is 2 (valid: 0..1, one per class name)"),
            std::string::npos);
  EXPECT_NE(refusal([](auto& step, auto&) { step.margins = Tensor::from({1.0}); }).find("margins has shape [1]"),
            std::string::npos);
  EXPECT_EQ(recorder.steps(), 0);
  EXPECT_NE(message_of([&] { recorder.finish(); }).find("no step"), std::string::npos);
  recorder.step(first.step());
  Recorder drawn(root_ / "drawn", {.train_samples = 50});
  drawn.step(first.step());
  EXPECT_NE(message_of([&] { drawn.step(first.step()); }).find("came again after 3 of 50 samples"), std::string::npos);
  EXPECT_NE(message_of([&] { recorder.log("epoch", 1); }).find("'epoch'"), std::string::npos);
  EXPECT_NE(message_of([&] {
              recorder.finish({.outputs = held_out().outputs, .targets = Tensor::from({1.0})});
            }).find("validation"),
            std::string::npos);
  recorder.finish();  // the refused call left the run as it was
}

TEST_F(RecorderTest, OneProcessWritesAFolder) {
  Recorder recorder(root_ / "run", {.loss = "cross_entropy"});
  EXPECT_NE(message_of([&] { Recorder(root_ / "run", {.overwrite = true}); }).find("another process is writing"),
            std::string::npos);
  EXPECT_NE(message_of([&] { Recorder(root_ / "run"); }).find("is not empty"), std::string::npos);
  EXPECT_NE(message_of([&] { Recorder(root_ / "none", {.resume = true}); }).find("does not contain a run"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(root_ / "none"));
  EXPECT_THROW(Recorder(root_ / "other", {.evaluation_loss = "no_such_loss"}), ValueError);
  EXPECT_FALSE(fs::exists(root_ / "other"));
}

TEST_F(RecorderTest, AnOldRunIsReplacedAfterTheFirstEpoch) {
  {
    Recorder old(root_ / "run", {.data = "old"});
    old.step(first.step());
    old.finish();
  }
  Recorder recorder(root_ / "run", {.data = "new", .overwrite = true});
  recorder.step(first.step());
  EXPECT_NE(read_file(root_ / "run/config.json").find("old"), std::string::npos);
  recorder.epoch();
  EXPECT_NE(read_file(root_ / "run/config.json").find("new"), std::string::npos);
}

TEST_F(RecorderTest, ContinuesFromAState) {
  const auto options = [](bool resume) {
    return RecorderOptions{.loss = "cross_entropy", .train_samples = 5, .resume = resume};
  };
  const auto without_seconds = [&](const fs::path& folder) {
    std::string text;
    for (evaluate::Record record : history(folder)) {
      std::erase_if(record.values, [](const auto& value) { return value.first == "seconds"; });
      text += evaluate::to_json(record) + "\n";
    }
    return text;
  };
  Recorder::State state;
  {
    Recorder whole(root_ / "whole", options(false)), cut(root_ / "cut", options(false));
    for (Recorder* each : {&whole, &cut}) {
      each->step(first.step());
      each->step(second.step());
      each->epoch();
      each->step(first.step());
      each->log("lr", 0.5);
      each->log("val_loss", 3);
    }
    state = cut.state();
    cut.step(second.step());  // lost
    cut.epoch();
    whole.step(second.step());
    whole.finish();
  }
  {
    Recorder resumed(root_ / "cut", options(true));
    EXPECT_NE(message_of([&] { resumed.step(second.step()); }).find("load_state()"), std::string::npos);
    resumed.load_state(state);
    resumed.step(second.step());
    resumed.finish();
  }
  EXPECT_EQ(without_seconds(root_ / "cut"), without_seconds(root_ / "whole"));
  EXPECT_EQ(read_file(root_ / "cut/suspects.csv"), read_file(root_ / "whole/suspects.csv"));
  Recorder again(root_ / "cut", options(true));
  Recorder::State other = state;
  other.counts.replace(other.counts.find("\"recorder\":1"), 12, "\"recorder\":9");
  EXPECT_NE(message_of([&] { again.load_state(other); }).find("version 9 (valid: 1)"), std::string::npos);
  write_file_atomically(root_ / "cut/history.jsonl", "");
  EXPECT_NE(message_of([&] { again.load_state(state); }).find("history.jsonl has 0 bytes"), std::string::npos);
}

TEST_F(RecorderTest, MergesProcesses) {
  Recorder alone(root_ / "alone", {.loss = "cross_entropy", .train_samples = 5});
  Recorder main(root_ / "main", {.loss = "cross_entropy", .train_samples = 5}), other("", {.train_samples = 5});
  alone.step(first.step()), alone.step(second.step());
  main.step(first.step()), other.step(second.step());
  main.merge_epoch(other.state(false).counts);
  main.merge_samples(other.state().samples);
  alone.finish(), main.finish();
  const auto value = [&](const char* run, const char* key) {
    return evaluate::curve(history(root_ / run), "epoch", key).y;
  };
  for (const char* key : {"train_loss", "train_accuracy", "train_loss/0", "train_loss/1"}) {
    EXPECT_EQ(value("main", key), value("alone", key)) << key;
  }
  EXPECT_EQ(read_file(root_ / "main/suspects.csv"), read_file(root_ / "alone/suspects.csv"));
}

TEST_F(RecorderTest, OtherLossesAreNotTakenForTheTrainedOne) {
  Recorder recorder(root_ / "run", {.loss = "something of my own"});
  recorder.step({.loss = 2});
  recorder.epoch(held_out());
  const auto records = history(root_ / "run");
  EXPECT_EQ(records.back().find("val_loss"), std::nullopt);
  EXPECT_TRUE(records.back().find("val_cross_entropy"));
  EXPECT_EQ(records.back().find("train_loss"), 2.0);
}

TEST_F(RecorderTest, NumbersAndOutputsThatAreNaN) {
  Recorder numbers(root_ / "numbers", {.loss = "mse"}), classes(root_ / "classes", {.loss = "cross_entropy"});
  for (Recorder* each : {&numbers, &classes})
    each->step({.losses = Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2})});
  numbers.finish({.outputs = Tensor::from({1.0, 2.0, 4.0}), .targets = Tensor::from({1.0, 1.0, 1.0})});
  const auto records = history(root_ / "numbers");
  EXPECT_EQ(records.back().kind, "validation");
  EXPECT_NEAR(*records.back().find("mse"), 10.0 / 3, 1e-12);
  EXPECT_EQ(records[1].find("train_loss"), 2.5);
  const float bad = std::nanf("");
  classes.finish({.outputs = Tensor::from(std::vector<float>{bad, bad, 1, 0}, {2, 2}),
                  .targets = Tensor::from(std::vector<std::int64_t>{0, 0})});
  EXPECT_EQ(history(root_ / "classes").back().find("accuracy"), 0.5);
}

}  // namespace
}  // namespace perdita::report
