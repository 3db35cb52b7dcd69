// The table of options: every one can be set from text, shown, written and read back.
#include "perdita/train/config.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "perdita/core/error.hpp"

namespace perdita::train {
namespace {

/// A value other than the default for every option that can be shown.
const std::map<std::string_view, std::string> samples{{"data", "csv:a file's.csv,target=y"},
                                                      {"val-fraction", "0.25"},
                                                      {"test-fraction", "0.5"},
                                                      {"standardize", "yes"},
                                                      {"imbalance", "longtail:100"},
                                                      {"label-noise", "0.2"},
                                                      {"sampling", "balanced"},
                                                      {"loss", "huber:delta=2"},
                                                      {"class-weights", "effective_number:0.999,cap=10"},
                                                      {"pos-weight", "2.5"},
                                                      {"normalize-by", "count"},
                                                      {"defer-weights", "0.8"},
                                                      {"hidden", "64,8"},
                                                      {"dropout", "0.3"},
                                                      {"last-layer", "cosine:scale=16"},
                                                      {"optimizer", "sgd:momentum=0.9,nesterov=yes"},
                                                      {"lr", "0.125"},
                                                      {"schedule", "step:0.5,0.75,factor=0.2"},
                                                      {"warmup", "1.5"},
                                                      {"batch-size", "17"},
                                                      {"epochs", "3"},
                                                      {"patience", "2"},
                                                      {"seed", "18446744073709551615"},
                                                      {"threads", "3"},
                                                      {"tensorboard", "yes"},
                                                      {"charts", "svg"}};

Config sample() {
  Config config;
  for (const Option& option : options()) {
    if (option.get != nullptr) option.set(config, samples.at(option.name));
  }
  return config;
}

TEST(Options, AreSetAndShownAlike) {
  const Config config = sample();
  std::set<std::string_view> names;
  for (const Option& option : options()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
    if (option.get == nullptr) continue;
    EXPECT_EQ(option.get(config), samples.at(option.name)) << option.name;
    EXPECT_NE(option.get(config), option.get(Config{})) << option.name;
  }
}

TEST(Options, NumbersOutOfRangeAreRefused) {
  Config config;
  for (const Option& option : options()) {
    if (option.value != "N" && option.value != "F" && option.value != "RATE" && option.value != "P") continue;
    for (std::string_view wrong : {"", "x", "-1", "nan", "inf", "1e400", "1 2"}) {
      EXPECT_THROW(option.set(config, wrong), ValueError) << option.name << " " << wrong;
    }
  }
}

TEST(Config, SurvivesJson) {
  const Config config = sample();
  const Config again = config_from_json(to_json(config), "here");
  for (const Option& option : options()) {
    if (option.get != nullptr) {
      EXPECT_EQ(option.get(again), option.get(config)) << option.name;
    }
  }
}

TEST(Config, DamagedJsonNamesFileAndOption) {
  const auto message = [](std::string_view text) {
    try {
      config_from_json(text, "config.json");
      return std::string("accepted");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message("[1]"), "config.json: got '[1]' (valid: one JSON object)");
  EXPECT_EQ(message(R"({"depth": 3})"), "config.json: unknown option 'depth'");
  EXPECT_EQ(message(R"({"epochs": 0})"), "config.json: epochs: got '0' (valid: a whole number, 1..1000000000)");
}

TEST(Config, CommandLineIsQuotedForTheShell) {
  const std::string command = command_line(sample());
  EXPECT_NE(command.find(" --data 'csv:a file'\\''s.csv,target=y' "), std::string::npos) << command;
  EXPECT_NE(command.find(" --optimizer sgd:momentum=0.9,nesterov=yes "), std::string::npos) << command;
}

TEST(Config, WhatIsNotGivenFollowsFromTheData) {
  const Config small = complete({}, {.training_samples = 320, .default_loss = parse_loss("mse")});
  EXPECT_EQ(small.batch_size, 32);
  EXPECT_EQ(small.epochs, 200);
  EXPECT_EQ(small.test_fraction, 0.2);
  const Config large =
      complete({}, {.training_samples = 60000, .has_test_set = true, .default_loss = parse_loss("mse")});
  EXPECT_EQ(large.batch_size, 128);
  EXPECT_EQ(large.epochs, 10);
  EXPECT_FALSE(large.test_fraction.has_value());
  Config contradictory;
  contradictory.test_fraction = 0.2;
  EXPECT_THROW(complete(contradictory, {.training_samples = 10, .has_test_set = true}), ValueError);
}

}  // namespace
}  // namespace perdita::train
