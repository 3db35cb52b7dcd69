#include "perdita/evaluate/text.hpp"

#include <gtest/gtest.h>

namespace perdita::evaluate {
namespace {

TEST(Text, Numbers) {
  EXPECT_EQ(format_number(0.31874), "0.3187");
  EXPECT_EQ(format_number(12.3), "12.3");
  EXPECT_EQ(format_number(999.96), "1,000");
  EXPECT_EQ(format_number(60000), "60,000");
  EXPECT_EQ(format_number(0.0000123), "1.23e-05");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
}

TEST(Text, Durations) {
  EXPECT_EQ(format_duration(0.84), "0.8 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(59.7), "1 min 00 s");
  EXPECT_EQ(format_duration(3725), "1 h 02 min");
  EXPECT_EQ(format_duration(100000), "1 d 3 h");
  EXPECT_EQ(format_duration(-1), "?");
}

TEST(Text, NamesAreMadeHarmless) {
  EXPECT_EQ(printable("caf\xC3\xA9 \xE6\x9C\xAC"), "caf\xC3\xA9 \xE6\x9C\xAC");
  EXPECT_EQ(printable("a\nb\x1b[2J"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD[2J");
  EXPECT_EQ(printable("\xE6\x9C"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut short
  EXPECT_EQ(printable("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // overlong
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "abc"),
            "\xEF\xBF\xBD"
            "abc");                                                              // right-to-left override
  EXPECT_EQ(printable("\xEF\xBF\xBE\xEF\xBF\xBF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // U+FFFE and U+FFFF are not XML
}

TEST(Text, Columns) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("caf\xC3\xA9"), 4u);
  EXPECT_EQ(display_width("cafe\xCC\x81"), 4u);
  EXPECT_EQ(display_width("\xE6\x9C\xAC"), 2u);
}

}  // namespace
}  // namespace perdita::evaluate
