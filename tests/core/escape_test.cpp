#include "perdita/core/escape.hpp"

#include <gtest/gtest.h>

namespace perdita {
namespace {

TEST(EscapeControls, WritesWhatATerminalWouldObey) {
  EXPECT_EQ(escape_controls("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escape_controls("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(escape_controls("a\nb\tc", LineBreaks::keep), "a\nb\\tc");
  EXPECT_EQ(escape_controls("\xE2\x80\xAEgpj.exe"), "\\u202egpj.exe");       // right-to-left override
  EXPECT_EQ(escape_controls("\xE2\x80\xA8\xEF\xBB\xBF"), "\\u2028\\ufeff");  // line separator, byte order mark
  EXPECT_EQ(escape_controls("\xC2\x9B"
                            "31m\x7F"),
            "\\u009b31m\\u007f");  // the one-character form of ESC [
  EXPECT_EQ(escape_controls(std::string_view("\0", 1)), "\\x00");
}

TEST(EscapeControls, WritesBytesThatAreNotUtf8) {
  EXPECT_EQ(escape_controls("\xFFz"), "\\xffz");
  EXPECT_EQ(escape_controls("\xC3"), "\\xc3");                    // cut off
  EXPECT_EQ(escape_controls("\xC0\x9B"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(escape_controls("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(escape_controls("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(EscapeControls, LeavesEverythingElse) {
  const std::string_view text = "über 日本 🎉 C:\\new 'x' e\xCC\x81";
  EXPECT_EQ(escape_controls(text), text);
  EXPECT_EQ(escape_controls(escape_controls("\x1b\xFF")), escape_controls("\x1b\xFF"));
}

}  // namespace
}  // namespace perdita
