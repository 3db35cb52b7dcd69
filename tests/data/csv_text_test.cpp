// Records are cut where the scanner ends them, whatever quotes there are.
#include "perdita/data/csv_text.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "data/files.hpp"
#include "perdita/data/csv_scanner.hpp"

namespace perdita::data::detail {
namespace {

using Records = std::vector<std::vector<std::string>>;

void scan(std::string_view text, char separator, Records& records) {
  CsvScanner scanner(text, separator, "t.csv");
  while (scanner.at_record()) {
    CsvField field;
    for (records.emplace_back(); !field.ends_record;) {
      field = scanner.next();
      records.back().push_back(field.value());
    }
  }
}

TEST(CsvText, RecordsAreCompleteUpToTheLastLineEndOutsideOfQuotes) {
  EXPECT_EQ(complete_records("1,2\n3,", ','), 4u);
  EXPECT_EQ(complete_records("1,2\r3,", ','), 4u);
  EXPECT_EQ(complete_records("1,2\r", ','), 0u);  // a line feed may follow
  EXPECT_EQ(complete_records("1,2\r\n", ','), 5u);
  EXPECT_EQ(complete_records("1,\"2\n3", ','), 0u);
  EXPECT_EQ(complete_records("1,\"2\n\"\n3", ','), 7u);
  EXPECT_EQ(complete_records("1,\"2\n\"", ','), 0u);       // the quote may be doubled
  EXPECT_EQ(complete_records("5\" pipe,2\n3", ','), 10u);  // not the start of a field
  EXPECT_EQ(complete_records("1;\"2\n3", ';'), 0u);
  EXPECT_EQ(complete_records("1;\"2\n3", ','), 5u);
  EXPECT_EQ(complete_records("1,\t \"2\n3", ','), 0u);
  EXPECT_EQ(complete_records("", ','), 0u);
}

TEST(CsvText, EveryCutGivesTheSameRecords) {
  std::mt19937 engine(20261129);
  const std::string_view letters = "a1,,;\t \"\"\"\n\n\r";
  int valid = 0, cut = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text;
    for (unsigned length = engine() % 24; length > 0; --length) text.push_back(letters[engine() % letters.size()]);
    const char separator = ",;\t"[engine() % 3];
    Records whole;
    try {
      scan(text, separator, whole);
    } catch (const DataError&) {
      continue;
    }
    ++valid;
    for (std::size_t length = 0; length <= text.size(); ++length) {
      const std::size_t end = complete_records(std::string_view(text).substr(0, length), separator);
      ASSERT_LE(end, length);
      cut += end > 0;
      Records parts;
      scan(std::string_view(text).substr(0, end), separator, parts);
      scan(std::string_view(text).substr(end), separator, parts);
      ASSERT_EQ(parts, whole) << ::testing::PrintToString(text) << " at " << length;
    }
  }
  EXPECT_GT(valid, 20000);
  EXPECT_GT(cut, 100000);
}

}  // namespace
}  // namespace perdita::data::detail
