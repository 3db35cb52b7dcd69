#include "perdita/data/csv.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <random>

#include "data/files.hpp"

namespace perdita::data {
namespace {

using Header = CsvOptions::Header;
using Target = CsvOptions::Target;
using Names = std::vector<std::string>;

std::vector<float> floats(const Array& array) { return {array.data<float>(), array.data<float>() + array.size()}; }
std::vector<std::int64_t> classes(const Array& array) {
  return {array.data<std::int64_t>(), array.data<std::int64_t>() + array.size()};
}
CsvTable parse(const std::string& text, const CsvOptions& options = {}) { return parse_csv(text, "t.csv", options); }
Names names(const CsvTable& table) {
  Names all;
  for (const TableColumn& column : table.columns) all.push_back(column.name);
  return all;
}
std::string message(const std::string& text, const CsvOptions& options = {}) {
  return message_of<DataError>([&] { parse(text, options); });
}

TEST(Csv, NumbersWithAndWithoutHeader) {
  for (const char* text :
       {"a,b,y\n1,2,3\n4,5,6\n", "1,2,3\n4,5,6", "1 , +2,3\r\n\r\n 4,5\t,6\r\n\n", "1,2,3\r4,5,6\r"}) {
    SCOPED_TRACE(text);
    const CsvTable table = parse(text);
    EXPECT_EQ(table.inputs.shape, (Shape{2, 2}));
    EXPECT_EQ(floats(table.inputs), (std::vector<float>{1, 2, 4, 5}));
    EXPECT_EQ(floats(table.targets), (std::vector<float>{3, 6}));
    EXPECT_EQ(names(table), text[0] == 'a' ? (Names{"a", "b"}) : (Names{"0", "1"}));
    EXPECT_EQ(table.target_name, text[0] == 'a' ? "y" : "2");
    EXPECT_TRUE(table.class_names.empty());
  }
}

TEST(Csv, LabelsBecomeClassesAndKeepTheirNames) {
  const CsvTable table = parse("5.1,setosa\n7,virginica\n6,setosa\n1,\"a \"\"b\"\"\"\n");
  EXPECT_EQ(table.class_names, (Names{"a \"b\"", "setosa", "virginica"}));
  EXPECT_EQ(classes(table.targets), (std::vector<std::int64_t>{1, 2, 1, 0}));
}

TEST(Csv, RowsWithoutATargetAreLeftOut) {
  const CsvTable labels = parse("1,0\n2,1\n3,NaN\n4,0\n", {.kind = Target::label});
  EXPECT_EQ(labels.class_names, (Names{"0", "1"}));
  EXPECT_EQ(floats(labels.inputs), (std::vector<float>{1, 2, 4}));
  EXPECT_EQ(classes(labels.targets), (std::vector<std::int64_t>{0, 1, 0}));
  EXPECT_EQ(labels.rows, (std::vector<std::int64_t>{0, 1, 3}));
  EXPECT_EQ(labels.rows_without_target, 1);
  const CsvTable words = parse("1,\n2,cat\n3,NA\n4,dog\n");
  EXPECT_EQ(words.class_names, (Names{"cat", "dog"}));
  EXPECT_EQ(words.rows, (std::vector<std::int64_t>{1, 3}));
  const CsvTable numbers = parse("x,y,z\n1,,5\n2,3.5,6\n", {.target = "y"});
  EXPECT_EQ(floats(numbers.inputs), (std::vector<float>{2, 6}));
  EXPECT_EQ(floats(numbers.targets), std::vector<float>{3.5});
  EXPECT_TRUE(parse("1,2\n3,4\n").rows.empty());
  EXPECT_CONTAINS(message("1,NA\n2,\n"), "the target, column 1, is missing in all 2 rows");
}

TEST(Csv, NumericLabelsAreSortedAsNumbers) {
  const CsvTable table = parse("0,10\n0,9\n0,-1\n0,10\n", {.kind = Target::label});
  EXPECT_EQ(table.class_names, (Names{"-1", "9", "10"}));
  EXPECT_EQ(classes(table.targets), (std::vector<std::int64_t>{2, 1, 0, 2}));
}

TEST(Csv, ReadsWhatPythonWrote) {
  const CsvTable table = read_csv(python_files() / "quoted.csv");
  EXPECT_EQ(names(table), (Names{"width, cm", "the \"height\""}));
  EXPECT_EQ(table.target_name, "kind");
  const Names kinds{"cat", "dog, big", "the \"other\"", "two\nlines"};  // already sorted
  EXPECT_EQ(table.class_names, kinds);
  ASSERT_EQ(table.inputs.shape, (Shape{40, 2}));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(table.inputs.data<float>()[2 * i], static_cast<float>(i) / 8 - 2);
    EXPECT_EQ(table.inputs.data<float>()[2 * i + 1], static_cast<float>(i * 1e-3)) << i;
    EXPECT_EQ(table.targets.data<std::int64_t>()[i], i * 7 % 4);
  }
}

TEST(Csv, TheTargetIsAnyColumn) {
  const std::string text = "a,b,7\n1,2,3\n";
  const auto inputs = [&](const std::string& target) {
    return floats(parse(text, {.target = target, .header = Header::yes}).inputs);
  };
  EXPECT_EQ(inputs(""), (std::vector<float>{1, 2}));
  EXPECT_EQ(inputs("b"), (std::vector<float>{1, 3}));
  EXPECT_EQ(inputs("0"), (std::vector<float>{2, 3}));
  EXPECT_EQ(inputs("-2"), (std::vector<float>{1, 3}));
  EXPECT_EQ(inputs("7"), (std::vector<float>{1, 2}));  // a name wins over an index
  EXPECT_EQ(floats(parse("a,b,7\n1,2,3\n", {.target = "7"}).targets), std::vector<float>{3});
  EXPECT_CONTAINS(message("1,2,7\n1,2,3\n", {.target = "7"}), "column '7' does not exist (valid: -3..2)");
  EXPECT_EQ(floats(parse("1,2,3\n", {.target = "1"}).targets), std::vector<float>{2});
  EXPECT_CONTAINS(message("a,b\n1,2\n", {.target = "c"}), "column 'c' does not exist (valid: -2..1, 'a', 'b')");
  EXPECT_CONTAINS(message("1,2\n", {.target = "2"}), "column '2' does not exist (valid: -2..1)");
  EXPECT_CONTAINS(message("a,a\n1,2\n", {.target = "a"}), "two columns are named 'a'");
}

TEST(Csv, TheHeaderIsDetectedByTheInputsAlone) {
  EXPECT_EQ(parse("x,y,3\n1,2,4\n").inputs.shape, (Shape{1, 2}));     // the target's name may be a number
  EXPECT_EQ(parse("1,2,yes\n1,2,no\n").inputs.shape, (Shape{2, 2}));  // a label is no header
  EXPECT_EQ(names(parse("NA,x,y\n0,1,2\n")), (Names{"NA", "x"}));
  EXPECT_EQ(names(parse(",,\n0,1,2\n")), (Names{"", ""}));
  EXPECT_CONTAINS(message(",0,1\n0,1,2\n"), "index=False");
  EXPECT_CONTAINS(message("NA,,y\n0,1,2\n"), "may be a header or data");
  EXPECT_EQ(names(parse(",x,y\n0,1,2\n")), Names{"x"});  // an index column without a name
  EXPECT_CONTAINS(message("1,x,y\n1,2,3\n"),
                  "line 1 has numbers and words, and may be a header or data, got 'x' (valid: set header to yes or no");
  EXPECT_EQ(parse("1,x,y\n1,2,3\n", {.header = Header::yes}).inputs.shape, (Shape{1, 2}));
}

TEST(Csv, ErrorsNameLineAndColumn) {
  EXPECT_EQ(
      message("1,2,3\n1,3,x\n", {.kind = Target::number}),
      "read_csv: t.csv: line 2, column 2: the value is not a number, got 'x' (valid: a number such as -1.5 or 2e3)");
  EXPECT_EQ(message("1,2\n3,4,5\n"), "read_csv: t.csv: line 2 has 3 fields (valid: 2, as in the first line)");
  EXPECT_EQ(message("1,2,3\n3\n"), "read_csv: t.csv: line 2 has 1 fields (valid: 3, as in the first line)");
  EXPECT_CONTAINS(message("1,\"2\n3\"\n4,x\n-inf,4\n"),
                  "line 4, column 0: the value is not finite, got '-inf' (valid: a finite number)");
  EXPECT_CONTAINS(message("1e39,4\n"),
                  "line 1, column 0: the value is too large, got '1e39' (valid: an absolute value up to 3.4e38)");
  for (const char* word : {"1 2", "0x1p3", "+-3"}) {
    EXPECT_CONTAINS(message(fmt::format("1,2\n2,{}\n", word), {.kind = Target::number}),
                    fmt::format("not a number, got '{}'", word));
  }
  EXPECT_CONTAINS(message("1,2\n3,\"x\n\n"), "line 2: a quoted field is not closed");
  EXPECT_CONTAINS(message("1,2\n3,\"x\"y\n"),
                  "line 2: 'y' follows a closing quote (valid: ',' or the end of the line)");
  EXPECT_CONTAINS(message(""), "the file is empty");
  EXPECT_CONTAINS(message("\n \n"), "the file is empty");
  EXPECT_CONTAINS(message("a,b\n"), "no data after the header");
  EXPECT_CONTAINS(message("1\n2\n"), "line 1 has one field (valid: at least 2");
  EXPECT_CONTAINS(message("\xff\xfe"
                          "1\0,\0"),
                  "UTF-16 (valid: UTF-8)");
  EXPECT_THROW(parse("1,2", {.separator = 'x'}), ValueError);
  EXPECT_THROW(read_csv("/nowhere.csv"), FileError);
}

TEST(Csv, OtherSeparators) {
  EXPECT_EQ(floats(parse("1;2\n3;4\n").inputs), (std::vector<float>{1, 3}));
  EXPECT_EQ(floats(parse("a\tb\n1\t2\n3\t4\n").inputs), (std::vector<float>{1, 3}));
  EXPECT_EQ(floats(parse("1;2\n3;4\n", {.separator = ';'}).inputs), (std::vector<float>{1, 3}));
  EXPECT_EQ(floats(parse("1\t2\n3 \t4\n", {.separator = '\t'}).inputs), (std::vector<float>{1, 3}));
  EXPECT_TRUE(std::isnan(parse("1\t2\t3\n1\t\t2\n", {.separator = '\t'}).inputs.data<float>()[3]));
}

TEST(Csv, NumbersAreTheNearestFloatsInAnyLocale) {
  // If the machine has a locale with a decimal comma, use it.
  for (const char* locale : {"de_DE.UTF-8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_ALL, locale)) break;
  }
  std::mt19937_64 engine(20240611);
  std::string text;
  std::vector<float> expected;
  for (int i = 0; i < 2000; ++i) {
    const auto bits = static_cast<std::uint32_t>(engine());
    float value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    expected.push_back(value);
    text += fmt::format("{:.9g},0\n", value);  // nine digits bring every float back
  }
  text += "1e-60,0\n-1e-400,0\n0.00000000000000000000000000000000000000000000000000000001,0\n1e-40,0\n";
  expected.insert(expected.end(), {0.0f, -0.0f, 0.0f, 1e-40f});
  EXPECT_EQ(floats(parse(text).inputs), expected);
  std::setlocale(LC_ALL, "C");
}

TEST(Csv, NumbersThatFloatsDoNotTellApartAreShifted) {
  const std::string close = "1000000001,1\n1000000002,2\n1000000003,3\n";
  const CsvTable table = parse("x,y\n" + close);
  EXPECT_EQ(floats(table.inputs), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(table.columns[0].offset, 1000000001.0);
  EXPECT_CONTAINS(message_of<DataError>([&] { parse(close, {.target = "0"}); }),
                  "the values of column 0 differ too little relative to their size");
  EXPECT_EQ(floats(parse("16777216,1\n16777217,2\n,3\n").inputs)[1], 1);
  EXPECT_EQ(floats(parse("0.1,1\n0.1,2\n").inputs)[0], 0.1f);                // constant
  EXPECT_EQ(floats(parse("1000000001,1\n2000000002,2\n").inputs)[0], 1e9f);  // far apart
  EXPECT_EQ(floats(parse("16777216,1\n16777218,2\n").inputs)[1], 16777218);  // exact
  EXPECT_EQ(parse("1000000001,a\n1000000001,b\n").class_names.size(), 2u);   // constant, and labels
}

TEST(Csv, DamagedFilesDoNoHarm) {
  const std::string text = "a,\"b \"\" c\",d\r\n1,2.5e3,x\r\n-4,\"0\",\"y,\nz\"\r\n";
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string cut(text.data(), length);
    parses_or_refuses([&] { parse(cut); });
    parses_or_refuses([&] { parse(cut, {.header = Header::yes}); });
    for (char c : {'\0', ',', '"', '\n', '\r', '\xff'}) {
      std::string changed = text;
      changed[length] = c;
      parses_or_refuses([&] { parse(changed); });
    }
  }
  // One byte of header for each column, then records that break off: the memory for them was counted in bytes.
  parses_or_refuses([&] { parse(std::string(5000, ',') + "\n" + "1,2,3,4", {.header = Header::yes}); });
}

}  // namespace
}  // namespace perdita::data
