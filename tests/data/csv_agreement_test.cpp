// What `train` and `evaluate` read from the same text: load("csv:FILE") and open_rows("FILE").
#include <gtest/gtest.h>

#include <cmath>

#include "data/files.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/rows.hpp"
#include "perdita/data/source.hpp"

namespace perdita::data {
namespace {

using namespace std::string_literals;
using Numbers = std::vector<double>;

/// Inputs and target of each row, or what is wrong.
struct Outcome {
  Numbers numbers;
  std::string error;
};

template <class Read>
Outcome outcome_of(Read&& read) {
  try {
    return {read(), ""};
  } catch (const Error& error) {
    return {{}, error.what()};
  }
}

Outcome train_on(const std::string& file, const std::string& options) {
  return outcome_of([&] {
    const Dataset data = load("csv:" + file + ",task=regression" + options).train;
    Numbers numbers;
    const std::int64_t inputs = data.inputs.shape[1];
    for (std::int64_t row = 0; row < data.size(); ++row) {
      for (std::int64_t i = 0; i < inputs; ++i)
        numbers.push_back(static_cast<double>(data.inputs.data<float>()[row * inputs + i]));
      numbers.push_back(static_cast<double>(data.targets.data<float>()[row]));
    }
    return numbers;
  });
}

Outcome evaluate_on(const std::string& file, const CsvFormat& format) {
  return outcome_of([&] {
    const auto rows = open_rows(file, format);
    Numbers numbers, row(static_cast<std::size_t>(rows->row_elements()));
    while (rows->read(0, 1, row.data()) == 1)
      for (double number : row) numbers.push_back(static_cast<double>(static_cast<float>(number)));
    return numbers;
  });
}

struct Case {
  std::string text, options = "";  // of train
  CsvFormat format = {};           // of evaluate: the same
};

constexpr auto yes = CsvFormat::Header::yes, no = CsvFormat::Header::no;

const std::vector<Case>& readable() {
  static const std::vector<Case> cases{
      {"a,b,y\n1,2.5,3\n-4,5,6\n"},
      {"1,2.5,3\n-4,5,6"},
      {"a;b;y\n1;2.5;3\n-4;5;6\n"},
      {"a\tb\ty\n1\t2.5\t3\n-4\t5\t6\n"},
      {"1;2.5;3\n-4;5;6\n"},
      {"a,b,y\r\n\r\n1,2.5,3\r\n\r\n-4,5,6\r\n"},
      {"a,b,y\r1,2.5,3\r-4,5,6\r"},
      {"\xef\xbb\xbf\"a\",\"b\n\",y\n\"1\",2.5,3\n-4,5,\"6\"\n"},
      {"\n \n a , b ,\ty\n 1 , +2.5,3 \n-4\t,5,6\n"},
      {"a;x,b,y\n1,2.5,3\n-4,5,6\n"},  // the first line has two separators, the second tells which
      {"a\tx,b,y\n1,2.5,3\n-4,5,6\n"},
      {"a,x;b;y\n1;2.5;3\n-4;5;6\n"},
      {"\t1,2.5,3\n-4,5,6\n"},  // a tab around a number is a space
      {"a \"q;r\",b,y\n1,2.5,3\n-4,5,6\n"},
      {"a 5\",b,y\n1,2.5,3\n-4,5,6\n"},  // a quote that is not at the start of its field is a character
      {"NA,b,y\n1,2.5,3\n-4,5,6\n"},
      {",,\n1,2.5,3\n-4,5,6\n"},
      {"0,1,2\n1,2.5,3\n-4,5,6\n", ",header=yes", {.header = yes}},
      {"1,2.5,3\n-4,5,6\n", ",header=no", {.header = no}},
      {"1,b,y\n1,2.5,3\n-4,5,6\n", ",header=yes", {.header = yes}},
      {"a;b;y\n1;2.5;3\n-4;5;6\n", ",separator=semicolon", {.separator = ';'}},
      {"a;b;y\n1;2.5;3\n-4;5;6\n", ",header=detect,separator=detect"},
  };
  return cases;
}

TEST(CsvAgreement, TrainAndEvaluateReadTheSameNumbers) {
  Folder folder;
  const std::string file = (folder / "a.csv").string();
  for (const Case& c : readable()) {
    SCOPED_TRACE(c.text);
    write_file_atomically(file, c.text);
    const Outcome train = train_on(file, c.options), evaluate = evaluate_on(file, c.format);
    EXPECT_EQ(train.error, "");
    EXPECT_EQ(evaluate.error, "");
    EXPECT_EQ(train.numbers, (Numbers{1, 2.5, 3, -4, 5, 6}));
    EXPECT_EQ(evaluate.numbers, train.numbers);
  }
}

TEST(CsvAgreement, TrainAndEvaluateRefuseTheSameTextInTheSameWords) {
  Folder folder;
  const std::string file = (folder / "a.csv").string();
  const std::vector<std::pair<Case, std::string>> cases{
      {{""}, "the file is empty"},
      {{"\n \r\n"}, "the file is empty"},
      {{"a,b,y\n"}, "no data after the header"},
      {{"\xff\xfe"
        "1\0,\0"s},
       "the text is UTF-16 (valid: UTF-8)"},
      {{"\x28\xb5\x2f\xfd"
        "123456789"},
       "the file is compressed (valid: text in UTF-8, as zstd -d writes it)"},
      {{"BZh91AY&SY 1234"}, "the file is compressed (valid: text in UTF-8, as bzip2 -d writes it)"},
      {{"a,b,y\n1,2,3\n1,2\n"}, "line 3 has 2 fields (valid: 3, as in the first line)"},
      {{"a,b,y\n1,2,3\n1,2,3,4\n"}, "line 3 has 4 fields (valid: 3, as in the first line)"},
      {{"a,b,y\n1,2,3,\n"}, "line 2 has 4 fields (valid: 3, as in the first line)"},
      {{"1,2,3\n1,2,1 0\n"}, "line 2, column 2: the value is not a number, got '1 0' "},
      {{"1,2,3\n1,2,0x10\n"}, "line 2, column 2: the value is not a number, got '0x10' "},
      {{"1,2,3\n1,2,1_0\n"}, "line 2, column 2: the value is not a number, got '1_0' "},
      {{"1,2,3\n1,2,+-1\n"}, "line 2, column 2: the value is not a number, got '+-1' "},
      {{"1;2;3\n1;2;1,5\n"}, "line 2, column 2: the value is not a number, got '1,5' "},
      {{"1,2,3\n1,2,2\0\n"s}, "line 2, column 2: the value is not a number, got '2\\x00' "},
      {{"1,b,y\n1,2,3\n"}, "line 1 has numbers and words, and may be a header or data, got 'b' (valid: "},
      {{"\n,0,1\n0,1,2\n"}, "line 2 has numbers and words, and may be a header or data, got '' (valid: "},
      {{"a,b,y\n1,\"2,3\n"}, "line 2: a quoted field is not closed"},
      {{"a,b,y\n1,\"2\"x,3\n"}, "line 2: 'x' follows a closing quote (valid: ',' or the end of the line)"},
  };
  for (const auto& [c, expected] : cases) {
    SCOPED_TRACE(c.text);
    write_file_atomically(file, c.text);
    const Outcome train = train_on(file, c.options), evaluate = evaluate_on(file, c.format);
    EXPECT_CONTAINS(train.error, "read_csv: " + file + ": " + expected);
    EXPECT_CONTAINS(evaluate.error, "read_csv: " + file + ": " + expected);
  }
}

TEST(CsvAgreement, TrainAndEvaluateFindTheSameColumn) {
  Folder folder;
  const std::string file = (folder / "a.csv").string();
  write_file_atomically(file, "a,7,b,b\n1,2,3,4\n5,6,7,8\n");
  const auto both = [&](const std::string& column) {
    Outcome train = outcome_of([&] {
      const Array targets = load("csv:" + file + ",header=yes,target=" + column).train.targets;
      return Numbers(targets.data<float>(), targets.data<float>() + targets.size());
    });
    const Outcome evaluate = evaluate_on(file + ":" + column, {.header = yes});
    EXPECT_EQ(train.numbers, evaluate.numbers);
    EXPECT_EQ(train.error, evaluate.error);
    return train;
  };
  EXPECT_EQ(both("a").numbers, (Numbers{1, 5}));
  EXPECT_EQ(both("7").numbers, (Numbers{2, 6}));  // a name comes before an index
  EXPECT_EQ(both("0").numbers, (Numbers{1, 5}));
  EXPECT_EQ(both("3").numbers, (Numbers{4, 8}));
  EXPECT_EQ(both("-2").numbers, (Numbers{3, 7}));
  EXPECT_CONTAINS(both("b").error, "two columns are named 'b' (valid: an index, -4..3)");
  EXPECT_CONTAINS(both("c").error, "column 'c' does not exist (valid: -4..3, 'a', '7', 'b', 'b')");
  EXPECT_CONTAINS(both("4").error, "column '4' does not exist (valid: -4..3");
}

// Values that are marked as missing are NaN to both, and those that are not finite are refused by train.
TEST(CsvAgreement, MissingValuesAndNumbersThatAreNotFinite) {
  Folder folder;
  const std::string file = (folder / "a.csv").string();
  for (const char* text : {"nan", "NaN", "-nan", "NA", "n/a", "N/A", "null", "NULL", "?", "<NA>", "#N/A"}) {
    SCOPED_TRACE(text);
    write_file_atomically(file, fmt::format("1,{}\n2,3\n", text));
    EXPECT_TRUE(std::isnan(train_on(file, ",target=0").numbers.at(0)));
    EXPECT_TRUE(std::isnan(evaluate_on(file, {}).numbers.at(1)));
  }
  for (const char* text : {"inf", "-Infinity", "1e999"}) {
    SCOPED_TRACE(text);
    write_file_atomically(file, fmt::format("1,{}\n2,3\n", text));
    EXPECT_CONTAINS(train_on(file, ",target=0").error, fmt::format(", got '{}'", text));
    EXPECT_TRUE(std::isinf(evaluate_on(file, {}).numbers.at(1)));
  }
}

}  // namespace
}  // namespace perdita::data
