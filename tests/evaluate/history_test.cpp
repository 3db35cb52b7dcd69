#include "perdita/evaluate/history.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {
namespace {
namespace fs = std::filesystem;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

class HistoryFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "perdita_history_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "history.jsonl";
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Two steps and an epoch's record for each epoch.
  static void run(History& history, int from, int to) {
    for (std::int64_t epoch = from; epoch <= to; ++epoch) {
      for (std::int64_t step = 2 * epoch - 1; step <= 2 * epoch; ++step) {
        history.write({"step", epoch, step, {{"train_loss", 1.0 / static_cast<double>(step)}}});
      }
      history.write({"epoch", epoch, 0, {{"train_loss", 0.1f}, {"val_loss", 0.3}}});
    }
  }
  fs::path folder_, path_;
};

TEST_F(HistoryFile, EveryLineIsOneStrictFlatObject) {
  History history = History::create(path_);
  history.write({"step", 1, 37, {{"train_loss", 0.53}, {"lr", 0.1}}});
  history.write({"epoch", 1, 0, {{"train_loss", nan}, {"val_loss", -inf}, {"val_accuracy", 0.5}}});
  history.write({"test", 0, 0, {{"loss\n\"", 1e-300}}});
  EXPECT_EQ(read_file(path_),
            "{\"kind\":\"step\",\"epoch\":1,\"step\":37,\"train_loss\":0.53,\"lr\":0.1}\n"
            "{\"kind\":\"epoch\",\"epoch\":1,\"train_loss\":null,\"val_loss\":null,\"val_accuracy\":0.5,"
            "\"nonfinite\":\"train_loss=nan val_loss=-inf\"}\n"
            "{\"kind\":\"test\",\"loss\\n\\\"\":1e-300}\n");
  std::istringstream lines(read_file(path_));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json object = nlohmann::json::parse(line);
    for (const auto& [key, value] : object.items()) EXPECT_TRUE(value.is_primitive()) << key;
  }
}

TEST_F(HistoryFile, ComesBackWithEveryBit) {
  const Record record{
      "epoch", 3, 99, {{"a", 0.1f}, {"b", nan}, {"c", inf}, {"d", -inf}, {"e", 5e-324}, {"f", 2.0 / 3}}};
  History::create(path_).write(record);
  const auto records = read_history(path_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].kind, "epoch");
  EXPECT_EQ(records[0].epoch, 3);
  EXPECT_EQ(records[0].step, 99);
  ASSERT_EQ(records[0].values.size(), record.values.size());
  for (std::size_t i = 0; i < record.values.size(); ++i) {
    EXPECT_EQ(records[0].values[i].first, record.values[i].first);
    if (i == 1) continue;  // the NaN
    EXPECT_EQ(records[0].values[i].second, record.values[i].second);
  }
  EXPECT_TRUE(std::isnan(*records[0].find("b")));
  EXPECT_FALSE(records[0].find("z").has_value());
}

TEST_F(HistoryFile, EveryPrefixOfTheFileIsReadable) {
  {
    History history = History::create(path_);
    run(history, 1, 2);
  }
  const std::string whole = read_file(path_);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write_file_atomically(path_, whole.substr(0, size));
    const auto lines = std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size), '\n');
    EXPECT_EQ(read_history(path_).size(), static_cast<std::size_t>(lines));
  }
}

TEST_F(HistoryFile, AResumedRunWritesTheUninterruptedFile) {
  History uninterrupted = History::create(path_);
  run(uninterrupted, 1, 4);
  const std::string expected = read_file(path_);
  const fs::path other = folder_ / "other.jsonl";
  for (std::size_t size = expected.find("\"kind\":\"epoch\"") + 60; size < expected.size(); ++size) {
    write_file_atomically(other, expected.substr(0, size));
    std::int64_t last = 0;
    for (const auto& record : read_history(other)) last = record.kind == "epoch" ? record.epoch : last;
    History history = History::resume(other, last);
    run(history, static_cast<int>(last) + 1, 4);
    ASSERT_EQ(read_file(other), expected) << "cut at " << size;
  }
  History from_start = History::resume(other, 0);
  run(from_start, 1, 4);
  EXPECT_EQ(read_file(other), expected);
}

TEST_F(HistoryFile, ErrorsNameFileAndLine) {
  const auto message_of = [&](const std::string& text, std::int64_t resume_at) {
    write_file_atomically(path_, text);
    try {
      resume_at < 0 ? void(read_history(path_)) : void(History::resume(path_, resume_at));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string good = "{\"kind\":\"epoch\",\"epoch\":1}\n";
  EXPECT_NE(message_of(good + "{\"kind\":\n" + good, -1).find(path_.string() + ":2: "), std::string::npos);
  EXPECT_NE(message_of("[1]\n", -1).find("one JSON object"), std::string::npos);
  EXPECT_NE(message_of("{\"epoch\":1}\n", -1).find("\"kind\" is missing or not a string"), std::string::npos);
  EXPECT_NE(message_of("{\"kind\":\"step\",\"epoch\":\"x\"}\n", -1).find("epoch is \"x\""), std::string::npos);
  EXPECT_NE(message_of(good, 2).find("has no record of epoch 2"), std::string::npos);
  EXPECT_EQ(read_file(path_), good);  // a resume that fails leaves the file alone
}

TEST(Curve, TakesTheKeyOfOneKind) {
  const std::vector<Record> records{{"step", 1, 5, {{"train_loss", 2.0}}},
                                    {"step", 1, 6, {{"lr", 2.0}}},
                                    {"epoch", 1, 6, {{"train_loss", 1.0}}},
                                    {"epoch", 2, 9, {{"train_loss", nan}}}};
  const Curve steps = curve(records, "step", "train_loss"), epochs = curve(records, "epoch", "train_loss");
  EXPECT_EQ(steps.x, std::vector<double>{5});
  EXPECT_EQ(epochs.x, (std::vector<double>{1, 2}));
  EXPECT_TRUE(std::isnan(epochs.y[1]));
}

}  // namespace
}  // namespace perdita::evaluate
