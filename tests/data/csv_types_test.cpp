// Types of the columns of a table: what is inferred, selected and left out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "data/files.hpp"
#include "perdita/data/csv.hpp"

namespace perdita::data {
namespace {

using Names = std::vector<std::string>;
using Cells = std::vector<std::optional<float>>;  // nothing: missing

CsvTable parse(const std::string& text, const CsvOptions& options = {}) { return parse_csv(text, "t.csv", options); }
std::string message(const std::string& text, const CsvOptions& options = {}) {
  return message_of<DataError>([&] { parse(text, options); });
}

Cells column(const CsvTable& table, std::int64_t at) {
  Cells cells;
  for (std::int64_t row = 0; row < table.inputs.shape[0]; ++row) {
    const float value = table.inputs.data<float>()[row * table.inputs.shape[1] + at];
    cells.push_back(std::isnan(value) ? std::nullopt : std::optional(value));
  }
  return cells;
}
/// "x number, city category": the columns.
std::string types(const CsvTable& table) {
  std::string text;
  for (const TableColumn& c : table.columns)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", c.name, name_of(c.kind));
  return text;
}

const std::string people =
    "name,age,member,born,city,y\n"
    "Ann,31,yes,1990-05-01,Rome,1.5\n"
    "Ben,NA,no,1981-01-02,Oslo,2\n"
    "Cid,45,No,,Rome,3\n"
    "Dee,,YES,2001-12-31,?,4\n"
    "Eva,28,,1970-01-03,Oslo,5\n";

TEST(CsvTypes, AreInferredFromAllValues) {
  const CsvTable table = parse(people);
  EXPECT_EQ(types(table), "age number, member boolean, born date, city category");
  EXPECT_EQ(column(table, 0), (Cells{31, {}, 45, {}, 28}));
  EXPECT_EQ(column(table, 1), (Cells{1, 0, 0, 1, {}}));
  EXPECT_EQ(column(table, 2), (Cells{7425, 4019, {}, 11687, 2}));
  EXPECT_EQ(column(table, 3), (Cells{1, 0, 1, {}, 0}));
  EXPECT_EQ(table.columns[3].categories, (Names{"Oslo", "Rome"}));
  EXPECT_EQ(table.left_out,
            Names{"column 0 'name' has 5 different values in 5 rows, as identifiers and free text have; "
                  "category=name keeps it"});
  EXPECT_TRUE(table.warnings.empty());
}

TEST(CsvTypes, AColumnHasOneTypeOrCategories) {
  EXPECT_EQ(types(parse("a,y\ntrue,1\nno,2\ntrue,3\nno,4\n")), "a category");  // of two pairs of words
  EXPECT_EQ(types(parse("a,y\nt,1\nF,2\nT,3\n")), "a boolean");
  EXPECT_EQ(types(parse("a,y\n2020-01-01,1\nsoon,2\n2020-01-01,3\nsoon,4\n")), "a category");
  const CsvTable table = parse("a,y\n1,1\n2,2\n3+,3\n3+,4\n2,5\n1,6\n");
  EXPECT_EQ(table.columns[0].categories, (Names{"1", "2", "3+"}));
  EXPECT_EQ(column(table, 0), (Cells{0, 1, 2, 2, 1, 0}));
}

TEST(CsvTypes, CategoriesAreTextsWithoutQuotes) {
  const CsvTable table = parse("a,y\n\"x \"\"1\"\"\",1\nb,2\n\"b\",3\n\"x \"\"1\"\"\",4\n");
  EXPECT_EQ(table.columns[0].categories, (Names{"b", "x \"1\""}));
  EXPECT_EQ(column(table, 0), (Cells{1, 0, 0, 1}));
}

TEST(CsvTypes, Latin1IsRead) {
  const CsvTable table = parse(
      "stra\xdf"
      "e,n,y\nM\xfcnchen,1,ja\nK\xf6ln,2,ja\nM\xfcnchen,3,n\xf6\nKöln,4,ja\n");
  EXPECT_EQ(table.columns[0].name, "straße");
  EXPECT_EQ(table.columns[0].categories, (Names{"Köln", "München"}));
  EXPECT_EQ(column(table, 0), (Cells{1, 0, 1, 0}));
  EXPECT_EQ(table.class_names, (Names{"ja", "nö"}));
}

TEST(CsvTypes, ColumnsAreSelected) {
  EXPECT_EQ(types(parse(people, {.columns = {"city", "age"}})), "age number, city category");
  EXPECT_EQ(types(parse(people, {.columns = {"1", "-1", "4"}})), "age number, city category");
  EXPECT_EQ(types(parse(people, {.drop = {"member", "0", "born"}})), "age number, city category");
  EXPECT_EQ(types(parse(people, {.columns = {"name", "age"}, .categories = {"name"}})), "name category, age number");
  EXPECT_EQ(parse("a,b,y\n1,7,2\n2,5,4\n", {.categories = {"b"}}).columns[1].categories, (Names{"5", "7"}));
  EXPECT_EQ(types(parse("7,8\n1,2\n", {.header = CsvOptions::Header::yes, .columns = {"7"}})), "7 number");
  EXPECT_CONTAINS(message(people, {.drop = {"agee"}}), "column 'agee' does not exist (valid: -6..5, 'name', 'age'");
  EXPECT_CONTAINS(message(people, {.drop = {"y"}}), "drop: column 5 'y' is the target");
  EXPECT_CONTAINS(message(people, {.columns = {"age"}, .drop = {"age"}}), "drop: column 1 'age' is also in columns");
  EXPECT_CONTAINS(message(people, {.columns = {"age"}, .categories = {"city"}}), "column 4 'city' is not an input");
  EXPECT_CONTAINS(message(people, {.columns = {"y"}}), "no column is left for the inputs of 6 columns");
  EXPECT_CONTAINS(message("a,y\nx,1\nz,2\nu,3\n"), "no input is left (column 0 'a' has 3 different values in 3 rows");
}

TEST(CsvTypes, RowNamesAreLeftOut) {
  for (const char* text : {",x,y\n1,5,6\n2,7,8\n", "\"\",\"x\",\"y\"\n\"a\",5,6\n\"b\",7,8\n", "x,y\na,5,6\nb,7,8\n"}) {
    SCOPED_TRACE(text);
    const CsvTable table = parse(text);
    EXPECT_EQ(column(table, 0), (Cells{5, 7}));
    EXPECT_EQ(types(table), "x number");
    EXPECT_EQ(table.target_name, "y");
    ASSERT_EQ(table.left_out.size(), 1u);
    EXPECT_CONTAINS(table.left_out[0], "column 0 has no name, as the row names of R and pandas");
  }
  const CsvTable series = parse(",y\n1,6\n2,8\n");
  EXPECT_EQ(column(series, 0), (Cells{1, 2}));
  EXPECT_CONTAINS(series.warnings.at(0), "the only input is the first column");
  EXPECT_EQ(types(parse(",x,y\n1,5,6\n", {.columns = {"0", "1"}})), " number, x number");
  EXPECT_CONTAINS(message("a,b,y\n1,2,3,\n4,5,6,\n"), "line 2 has 4 fields");  // separators at the end
}

TEST(CsvTypes, TheHeaderIsComparedWithTheNextLines) {
  EXPECT_EQ(types(parse("kind,size,y\nx,1,2\nz,2,2\nx,1,3\nz,4,4\n")), "kind category, size number");
  EXPECT_EQ(parse("x,1,2\nz,2,2\nx,1,3\n").inputs.shape[0], 3);                // a word that occurs again is not a name
  EXPECT_EQ(parse("x,s,p\nx,n,e\ny,s,p\ny,n,e\n").inputs.shape[0], 4);         // without numbers
  EXPECT_EQ(parse("a,b,c\nx,n,e\ny,s,p\nx,s,e\ny,n,p\n").inputs.shape[0], 4);  // a header of words
  EXPECT_EQ(parse("\"\",\"1990\",\"2000\"\n\"a\",1,2\n\"b\",2,3\n").target_name, "2000");
  EXPECT_EQ(parse("1,,2\n3,4,5\n").inputs.shape[0], 2);  // a value is missing in the first line
  EXPECT_CONTAINS(message("land,1990,2000\na,1,2\nb,2,3\n"), "may be a header or data, got 'land'");
}

TEST(CsvTypes, SemicolonsAndTabsAreDetectedInTablesOfWords) {
  for (const char separator : {';', '\t', ','}) {
    std::string text = people;
    std::ranges::replace(text, ',', separator);
    EXPECT_EQ(types(parse(text)), types(parse(people))) << separator;
  }
  EXPECT_EQ(types(parse("a;b,y\n\"u, v\";w,1\n\"u, v\";w,2\nx;w,1\nx;w,2\n", {.target = "0"})), "b,y category");
}

TEST(CsvTypes, AWordAmongNumbersIsNotOverlooked) {
  std::string few = "a,y\n", many = few;
  for (int i = 0; i < 40; ++i) {
    few += fmt::format("{},{}\n", i % 13, i);
    many += fmt::format("{},{}\n", i, i);
  }
  EXPECT_EQ(parse(few + "x,1\n").warnings,
            Names{"column 0 'a' is read as categories, because line 42 has 'x', although 40 of 41 values are numbers "
                  "(drop=a leaves it out)"});
  EXPECT_EQ(
      message(many + "x,1\n"),
      "read_csv: t.csv: line 42, column 0 'a': the value is not a number, got 'x', but 40 of 41 values are (valid: "
      "a number or a marker of missing values; drop=a leaves the column out)");
  EXPECT_EQ(message(many + "1,x\n"),
            "read_csv: t.csv: line 42, column 1 'y': the target is not a number, got 'x', but 40 of 41 targets are "
            "(valid: numbers, or task=multiclass for labels)");
  EXPECT_EQ(parse(many + "1,x\n", {.kind = CsvOptions::Target::label}).class_names.size(), 41u);
}

TEST(CsvTypes, DecimalCommasAreRefused) {
  EXPECT_EQ(
      message("a;y\n1,5;1\n2;2\n2,5;3\n"),
      "read_csv: t.csv: line 2, column 0 'a': the numbers have a decimal comma, got '1,5' (valid: a decimal point, "
      "as the program tr writes with the arguments , .)");
  EXPECT_CONTAINS(message("a;y\n1;1,25\n2;-2\n"), "line 2, column 1 'y': the numbers have a decimal comma, got '1,25'");
  EXPECT_EQ(types(parse("a;y\n1,5;1\n1,5,7;2\n1,5;2\n1,5,7;1\n")), "a category");
}

TEST(CsvTypes, TargetsAreNumbersDatesOrLabels) {
  const CsvTable dates = parse("1,1970-01-03\n2,\n3,1970-01-01\n");
  EXPECT_EQ(dates.targets.data<float>()[0], 2);
  EXPECT_EQ(dates.targets.shape, Shape{2});
  EXPECT_TRUE(dates.class_names.empty());
  EXPECT_EQ(parse("1,1970-01-03\n3,1970-01-01\n", {.kind = CsvOptions::Target::number}).targets.data<float>()[0], 2);
  EXPECT_EQ(parse("1,yes\n2,no\n3,yes\n").class_names, (Names{"no", "yes"}));
  EXPECT_EQ(parse("1,2\n2,abc\n3,2\n").class_names, (Names{"2", "abc"}));
  std::string text = "x,id\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("{},n{}\n", i, i);
  EXPECT_CONTAINS(message(text),
                  "the target, column 1 'id', has 20 different labels in 20 rows, as identifiers and free");
  EXPECT_EQ(parse(text, {.kind = CsvOptions::Target::label}).class_names.size(), 20u);
}

TEST(CsvTypes, DatesOfSecondsKeepTheirDifferences) {
  const CsvTable table = parse("t,y\n2024-05-01T10:00:00,1\n2024-05-01T10:00:01,2\n2024-05-01T10:00:03,3\n");
  EXPECT_EQ(table.columns[0].offset, 19844);
  const Cells seconds = column(table, 0);
  EXPECT_NEAR((*seconds[1] - *seconds[0]) * 86400, 1, 0.01);
  EXPECT_NEAR((*seconds[2] - *seconds[1]) * 86400, 2, 0.01);
}

TEST(CsvTypes, ColumnsWithoutValuesAndOfManyWordsAreLeftOut) {
  EXPECT_EQ(parse("a,b,y\n,1,2\nNA,2,3\n").left_out, Names{"column 0 'a' has no values"});
  std::string text = "word,x,y\n";
  for (int i = 0; i < 5000; ++i) text += fmt::format("w{},{},{}\nw{},{},{}\n", i, i, i, i, i, i);
  EXPECT_CONTAINS(parse(text).left_out.at(0), "has more than 4096 different values in 10000 rows");
  EXPECT_EQ(parse(text, {.categories = {"word"}}).columns[0].categories.size(), 5000u);
}

/// Random tables, compared with the values that they are written from.
TEST(CsvTypes, RandomTables) {
  std::mt19937_64 draw(20261201);
  const Names cities{"Oslo", "Rome", "a, b", "q\"q"}, fields{"Oslo", "Rome", "\"a, b\"", "\"q\"\"q\""};
  for (int trial = 0; trial < 50; ++trial) {
    std::string text = "n,b,c,y\n";
    Cells numbers, booleans, categories;
    for (int row = 0; row < 60; ++row) {
      const auto is_missing = [&] { return draw() % 7 == 0; };
      const std::size_t city = draw() % 4;
      const int number = static_cast<int>(draw() % 1000);
      numbers.push_back(is_missing() ? std::nullopt : std::optional(static_cast<float>(number) / 8));
      booleans.push_back(is_missing() ? std::nullopt : std::optional(static_cast<float>(draw() % 2)));
      categories.push_back(is_missing() ? std::nullopt : std::optional(static_cast<float>(city)));
      text += fmt::format("{},{},{},{}\n", numbers.back() ? fmt::format("{}", *numbers.back()) : "",
                          booleans.back() ? (*booleans.back() == 1 ? "TRUE" : "False") : "na",
                          categories.back() ? fields[city] : "\"\"", row);
    }
    const CsvTable table = parse(text);
    ASSERT_EQ(types(table), "n number, b boolean, c category");
    EXPECT_EQ(table.columns[2].categories, cities);
    EXPECT_EQ(column(table, 0), numbers);
    EXPECT_EQ(column(table, 1), booleans);
    EXPECT_EQ(column(table, 2), categories);
  }
}

}  // namespace
}  // namespace perdita::data
