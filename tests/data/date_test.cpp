#include "perdita/data/date.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace perdita::data::detail {
namespace {

TEST(Date, DaysSince1970) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2000-03-01"), 11017);
  EXPECT_EQ(parse_date("1969-12-31"), -1);
  EXPECT_EQ(parse_date("2020/01/31"), parse_date("2020-01-31"));
  EXPECT_EQ(parse_date("2020/1/5"), parse_date("2020-01-05"));
  EXPECT_EQ(parse_date("31.01.2020"), parse_date("2020-01-31"));
  EXPECT_EQ(parse_date("5.1.2020"), parse_date("2020-01-05"));
  for (int day = -60'000; day < 60'000; day += 7) {  // compared with the C library
    const std::time_t seconds = std::time_t{86400} * day;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
    ASSERT_EQ(parse_date(text), day) << text;
  }
}

TEST(Date, TimesOfDayAndZones) {
  EXPECT_EQ(parse_date("1970-01-02T12:00"), 1.5);
  EXPECT_EQ(parse_date("1970-01-02 18:00:00"), 1.75);
  EXPECT_EQ(parse_date("1970-01-02T18:00:00Z"), 1.75);
  EXPECT_EQ(parse_date("1970-01-02T18:00:00+06:00"), 1.5);
  EXPECT_EQ(parse_date("1970-01-02T18:00:00-0600"), 2);
  EXPECT_NEAR(*parse_date("1970-01-01T00:00:01.25"), 1.25 / 86400, 1e-15);
  EXPECT_EQ(parse_date("18:30"), 18.5 / 24);
  EXPECT_EQ(parse_date("18:30:00"), 18.5 / 24);
}

TEST(Date, OtherTextsAreNoDates) {
  for (const char* text : {"",
                           "1",
                           "2020",
                           "2020-01",
                           "2020-13-01",
                           "2020-02-30",
                           "2020-01-31x",
                           "2020-01/31",
                           "20-01-31",
                           "31/01/2020",
                           "01-31-2020",
                           "2020-01-31T",
                           "2020-01-31T25:00",
                           "2020-01-31 12",
                           "2020-01-31T12:00+",
                           "24:00",
                           "12:60",
                           "1:30",
                           "31.1.20",
                           "2020.01",
                           "20200131",
                           "a2020-01-31",
                           "2020--1-31",
                           "99.99.9999",
                           "2020-01-31T12:00:00+99:00"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

}  // namespace
}  // namespace perdita::data::detail
