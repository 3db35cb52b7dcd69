#include "cli/progress.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "perdita/evaluate/text.hpp"

namespace perdita::cli {
namespace {

const ProgressState half{.label = "epoch 2/10", .done = 211, .total = 422, .loss = 0.43125, .seconds = 4.0};

TEST(ProgressBar, SaysWhatMatters) {
  EXPECT_EQ(progress_bar(half, 100, false),
            "epoch 2/10 ####################....................  211/422  loss 0.4313  4.0 s left  52.75/s");
  EXPECT_EQ(progress_bar({.done = 3, .total = 3, .seconds = 1.0}, 28, false), "#################  3/3  3/s");
}

TEST(ProgressBar, FitsEveryWidth) {
  for (int width = 0; width < 120; ++width) {
    for (bool unicode : {false, true}) {
      const std::string line = progress_bar(half, width, unicode);
      EXPECT_LE(evaluate::display_width(line), static_cast<std::size_t>(width)) << line;
      if (width >= 7) {
        EXPECT_NE(line.find("211/422"), std::string::npos) << width;
      }
    }
  }
}

TEST(ProgressBar, ProportionIsThatOfTheWork) {
  for (std::int64_t done = 0; done <= 40; ++done) {
    const std::string line = progress_bar({.done = done, .total = 40}, 120, false);
    EXPECT_EQ(std::count(line.begin(), line.end(), '#'), done);
  }
}

TEST(Progress, PlainLinesAboutEveryTenthAndAtTheEnd) {
  for (std::int64_t total : {1, 5, 10, 422, 1009}) {
    std::FILE* file = std::tmpfile();
    {
      Progress progress(file, "fit", total, ProgressStyle::detect, std::chrono::milliseconds(0));  // no terminal
      for (std::int64_t i = 1; i <= total; ++i) progress.update(i, 0.5);
      progress.finish("done");
    }
    std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
    std::rewind(file);
    ASSERT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
    const auto lines = std::count(text.begin(), text.end(), '\n');
    EXPECT_LE(lines, 12) << text;
    EXPECT_GE(lines, std::min<std::int64_t>(total, 10) + 1) << text;
    EXPECT_NE(text.find("fit  100 %"), std::string::npos) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.substr(text.size() - 6), "\ndone\n");
  }
}

TEST(Progress, QuickLoopsLeaveTheirLastLineAlone) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress(file, "fit", 50, ProgressStyle::lines, std::chrono::hours(1));
    for (std::int64_t i = 1; i <= 50; ++i) progress.update(i);
    progress.finish("done");
  }
  EXPECT_EQ(std::ftell(file), 5);
  std::fclose(file);
}

TEST(Progress, BarIsDrawnOverAndWipedAtTheEnd) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress(file, "fit", 100000, ProgressStyle::bar);
    for (std::int64_t i = 1; i <= 100000; ++i) progress.update(i);
  }
  std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  ASSERT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
  EXPECT_NE(text.find("100000/100000"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 4), "\r\x1b[K");
}

}  // namespace
}  // namespace perdita::cli
