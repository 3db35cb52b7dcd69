// Tables with words and missing values as inputs of a model.
#include "perdita/train/table_encoding.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "perdita/core/file.hpp"
#include "perdita/data/source.hpp"
#include "perdita/train/problem.hpp"
#include "perdita/train/scaling.hpp"

namespace perdita::train {
namespace {

namespace fs = std::filesystem;
using data::ColumnKind;
using Names = std::vector<std::string>;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

data::Dataset table_of(std::vector<data::TableColumn> columns, std::initializer_list<float> values) {
  const auto width = std::ssize(columns), rows = std::ssize(values) / width;
  Array inputs = Array::empty({rows, width}, DType::float32);
  std::ranges::copy(values, inputs.data<float>());
  Array targets = Array::empty({rows}, DType::float32);
  std::fill_n(targets.data<float>(), rows, 0.0f);
  data::Dataset table = data::Dataset::of(inputs, targets);
  table.columns = std::move(columns);
  return table;
}
std::vector<float> inputs_of(const data::Dataset& dataset) {
  return {dataset.inputs.data<float>(), dataset.inputs.data<float>() + dataset.inputs.size()};
}

const data::TableColumn age{.name = "age"},
    city{.name = "city", .kind = ColumnKind::category, .categories = {"A", "B", "C"}};

TEST(TableEncoding, OneHotIndicatorsAndMedians) {
  const data::Dataset train = table_of({age, city}, {1, 0, nan, 2, 5, nan, 2, 0});
  const TableEncoding encoding = TableEncoding::of(train);
  EXPECT_EQ(encoding.input_names(), (Names{"age", "age is missing", "city=A", "city=C", "city is missing"}));
  EXPECT_EQ(inputs_of(encoding.apply(train)), (std::vector<float>{1, 0, 1, 0, 0,  //
                                                                  2, 1, 0, 1, 0,  //
                                                                  5, 0, 0, 0, 1,  //
                                                                  2, 0, 1, 0, 0}));
  // A category that is not among the training samples is 0 everywhere.
  EXPECT_EQ(inputs_of(encoding.apply(table_of({age, city}, {7, 1}))), (std::vector<float>{7, 0, 0, 0, 0}));
  EXPECT_EQ(encoding.are_switches(), (std::vector<bool>{false, true, true, true, true}));
}

TEST(TableEncoding, NumbersWithoutMissingValuesStay) {
  const data::Dataset train = table_of({age, age}, {1, 2, 3, 4});
  const data::Dataset encoded = TableEncoding::of(train).apply(train);
  EXPECT_EQ(encoded.inputs.buffer.data(), train.inputs.buffer.data());
  // A missing value that the training samples do not have is the median, without an indicator.
  EXPECT_EQ(inputs_of(TableEncoding::of(train).apply(table_of({age, age}, {nan, 9}))), (std::vector<float>{2, 9}));
  const data::Dataset plain = data::Dataset::of(train.inputs, train.targets);
  EXPECT_TRUE(TableEncoding().apply(plain).columns.empty());
}

TEST(TableEncoding, RareCategoriesShareAnInput) {
  data::TableColumn word{.name = "w", .kind = ColumnKind::category};
  for (int i = 0; i < 70; ++i) word.categories.push_back(fmt::format("{:02}", i));
  data::Dataset train = table_of({word}, {0});
  std::vector<float> values;
  for (int i = 0; i < 70; ++i) values.insert(values.end(), i < 5 ? 1 : 2, static_cast<float>(i));
  train.inputs = Tensor::from(values).reshape({-1, 1}).to_array();
  const TableEncoding encoding = TableEncoding::of(train);
  ASSERT_EQ(encoding.width(), 64);
  const Names names = encoding.input_names();
  EXPECT_EQ(names.front(), "w=05");  // the first five are the rarest, and of the others the last
  EXPECT_EQ(names[62], "w=67");
  EXPECT_EQ(names[63], "w=(other)");
  const std::vector<float> rare = inputs_of(encoding.apply(table_of({word}, {3})));
  EXPECT_EQ(rare[63], 1);
  EXPECT_EQ(std::ranges::count(rare, 1.0f), 1);
}

TEST(TableEncoding, MediansIgnoreMissingValues) {
  Array values = Array::empty({4, 3}, DType::float32);
  std::ranges::copy(std::initializer_list<float>{4, nan, nan, 1, 7, nan, 2, nan, nan, 9, 1, nan}, values.data<float>());
  EXPECT_EQ(medians_of(values), (std::vector<float>{3, 4, 0}));
}

struct TableProblem : ::testing::Test {
  fs::path file =
      fs::temp_directory_path() / fmt::format("perdita-table-{}-{}.csv", ::getpid(),
                                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
  ~TableProblem() override { fs::remove(file); }

  Problem prepare_text(const std::string& text, const std::string& options = "") {
    write_file_atomically(file, text);
    Config config;
    config.data = "csv:" + file.string() + options;
    config.threads = 1;
    return prepare(config);
  }
};

/// The median and the categories must not depend on the validation and test samples.
TEST_F(TableProblem, TheEncodingIsThatOfTheTrainingSamples) {
  std::string text = "x,word,y\n";
  std::vector<std::optional<float>> x;
  for (int i = 0; i < 200; ++i) {
    x.push_back(i % 5 == 0 ? std::nullopt : std::optional(static_cast<float>(i * i % 997)));
    text += fmt::format("{},w{},{}\n", x.back() ? fmt::format("{}", *x.back()) : "", i / 3, i);
  }
  const Problem problem = prepare_text(text);
  std::vector<float> present;
  std::vector<bool> trained(67);
  for (std::int64_t row : problem.train.rows) {
    if (x[static_cast<std::size_t>(row)]) present.push_back(*x[static_cast<std::size_t>(row)]);
    trained[static_cast<std::size_t>(row) / 3] = true;
  }
  std::ranges::sort(present);
  const std::size_t half = present.size() / 2;
  const float median = present.size() % 2 == 1 ? present[half] : (present[half - 1] + present[half]) / 2;
  const EncodedColumn& number = problem.encoding.columns().at(0);
  EXPECT_EQ(number.median, median);
  EXPECT_TRUE(number.has_indicator);
  Names words;
  for (std::size_t i = 0; i < trained.size(); ++i) {
    if (trained[i]) words.push_back(fmt::format("w{}", i));
  }
  std::ranges::sort(words);
  ASSERT_LT(words.size(), 67u);
  EXPECT_EQ(problem.encoding.columns().at(1).column.categories, words);
  for (const data::Dataset* part : {&problem.train, &*problem.validation, &*problem.test}) {
    ASSERT_EQ(part->inputs.shape[1], problem.encoding.width());
    for (std::int64_t i = 0; i < part->size(); ++i) {
      const auto row = static_cast<std::size_t>(part->rows[static_cast<std::size_t>(i)]);
      const float* inputs = part->inputs.data<float>() + i * part->inputs.shape[1];
      EXPECT_EQ(inputs[0], x[row].value_or(median));
      EXPECT_EQ(inputs[1], x[row] ? 0 : 1);
      EXPECT_EQ(part->targets.data<float>()[i], static_cast<float>(row));
      for (std::size_t word = 0; word < words.size(); ++word)
        EXPECT_EQ(inputs[2 + word], words[word] == fmt::format("w{}", row / 3) ? 1 : 0);
    }
  }
}

TEST_F(TableProblem, InputsThatAreZeroOrOneAreNotScaled) {
  std::string text = "x,rare,y\n";
  for (int i = 0; i < 100; ++i) text += fmt::format("{},{},{}\n", i, i % 50 == 7 ? "yes" : "no", i);
  const Problem problem = prepare_text(text);
  const auto state = problem.make_model()->state_dict();
  const auto find = [&](const std::string& name) {
    return std::ranges::find(state, name, &nn::StateDict::value_type::first)->second.to_vector<float>();
  };
  EXPECT_EQ(find("input.mean")[1], 0);
  EXPECT_EQ(find("input.deviation")[1], 1);
  EXPECT_GT(find("input.deviation")[0], 20);
}

TEST_F(TableProblem, TrueLabelsAreThoseOfTheRowsOfTheFile) {
  std::string text = "x,y\n";
  for (int i = 0; i < 100; ++i) text += fmt::format("{},{}\n", i, i % 4 == 0 ? "" : i % 3 == 0 ? "a" : "b");
  write_file_atomically(file, text);
  Config config;
  config.data = "csv:" + file.string();
  config.threads = 1;
  config.label_noise = 0.3;
  const Problem problem = prepare(config);
  ASSERT_EQ(problem.true_labels.size(), problem.train.rows.size());
  for (std::size_t i = 0; i < problem.true_labels.size(); ++i)
    EXPECT_EQ(problem.true_labels[i], problem.train.rows[i] % 3 == 0 ? 0 : 1);
}

TEST_F(TableProblem, NotesDescribeTheColumns) {
  std::string text = ",a,b,day,word,y\n";
  for (int i = 0; i < 50; ++i) {
    text += fmt::format("{},{},{},2024-01-{:02},{},{}\n", i, i == 9 ? "NA" : "1.5", i % 2 == 0 ? "yes" : "no",
                        i % 28 + 1, i % 3 == 0 ? "u" : "v", i == 7 ? "" : fmt::format("{}", i));
  }
  EXPECT_EQ(prepare_text(text).notes,
            (Names{"1 number: a", "1 boolean: b", "1 date: day", "1 category: word (2)", "missing values: a (1)",
                   "left out: column 0 has no name, as the row names of R and pandas; a name in the header keeps it",
                   "left out: 1 of 50 rows, whose target 'y' is missing"}));
}

TEST_F(TableProblem, FewSamplesHaveNoValidationSet) {
  const Problem problem = prepare_text("1,2\n2,3\n3,4\n4,5\n");
  EXPECT_FALSE(problem.validation);
  EXPECT_EQ(problem.train.size(), 3);
  EXPECT_EQ(problem.warnings.at(0),
            "there are no validation samples, because a fraction of 0.1 of 3 samples is less than one");
}

}  // namespace
}  // namespace perdita::train
