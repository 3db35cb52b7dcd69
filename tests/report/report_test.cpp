#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <regex>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/report/chart.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/html.hpp"

namespace perdita::report {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

RunReport small_run() {
  RunReport r;
  r.data = "a<b>&\"c'";
  r.loss = "cross_entropy";
  r.history = {{"epoch", 1, 0, {{"train_loss", 2.0}, {"val_loss", 1.5}}},
               {"epoch", 2, 0, {{"train_loss", 1.0}, {"val_loss", 1.25}}},
               {"epoch", 3, 0, {{"train_loss", 0.5}, {"val_loss", 1.75}}}};
  r.class_names = {"<script>alert(1)</script>", "\" onload=\"x"};
  r.test_losses = {0.5f, 1.5f, 4.0f, 2.0f};
  r.targets = {0, 1, 0, 1};
  r.predictions = {0, 1, 1, 1};
  return r;
}

TEST(Ticks, AreRoundAndInside) {
  EXPECT_EQ(linear_ticks(0, 10, 5), (Values{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(-1, 1, 4), (Values{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(linear_ticks(0.35667494393873239, 0.35667494393873245, 8).size(), 1u);  // no endless steps of 0
  EXPECT_EQ(linear_ticks(-1e16 - 2, -1e16, 5).size(), 1u);
  EXPECT_EQ(log_ticks(1, 10, 8), (Values{1, 2, 5, 10}));
  EXPECT_EQ(log_ticks(1e-6, 1, 3).size(), 3u);
}

TEST(LineChart, SkipsAndMarksWhatIsNotFinite) {
  LineChart chart{.title = "t",
                  .description = "d",
                  .x_label = "epoch",
                  .y_label = "loss",
                  .series = {{.name = "a<b", .x = {1, 2, 3, 4}, .y = {1, nan, 2, 3}}}};
  const std::string svg = line_chart(chart, Placement::file);
  EXPECT_EQ(count(svg, "class=\"bad\""), 1);
  EXPECT_NE(svg.find("epoch 2: a&lt;b is nan"), std::string::npos);
  const std::regex line("class=\"line s0\"[^>]* d=\"M[^ML]*M[^ML]*L[^ML]*\"/>");  // broken after the first point
  EXPECT_TRUE(std::regex_search(svg, line)) << svg;
  EXPECT_EQ(svg.find("a<b"), std::string::npos);
  chart.series[0].x.pop_back();
  EXPECT_THROW(line_chart(chart, Placement::file), ShapeError);
}

TEST(LineChart, SurvivesAnythingWithinItsFrame) {
  for (const Values& y :
       {Values{}, Values{nan}, Values{0}, Values{5, 5}, Values{-1e300, 1e300}, Values{1e-300, 1e-290}}) {
    for (bool log_y : {false, true}) {
      Values x(y.size());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i + 1);
      LineChart chart{.title = "t", .description = "", .x_label = "", .y_label = "", .series = {}};
      chart.series.push_back({.name = "a", .x = x, .y = y});
      chart.log_y = log_y;
      const std::string svg = line_chart(chart, Placement::page);
      EXPECT_EQ(svg.find("=\"nan"), std::string::npos);
      EXPECT_EQ(svg.find(",nan"), std::string::npos);
      EXPECT_EQ(svg.find("inf\""), std::string::npos);
    }
  }
}

TEST(DistributionChart, HasABarWithItsCountForEachBin) {
  DistributionChart chart{.title = "t", .description = "", .x_label = "loss", .histogram = {}};
  chart.histogram = {.edges = {0, 1, 2}, .counts = {3, 1}, .above = 4};
  const std::string svg = distribution_chart(chart, Placement::file);
  EXPECT_EQ(count(svg, "class=\"bar\""), 2);
  EXPECT_NE(svg.find("0 to 1: 3 samples (37.50 %)"), std::string::npos);
}

TEST(Smoothed, ByHand) {
  EXPECT_EQ(smoothed(Values{3, nan, 5}, 0.0)[2], 5);
  const Values half = smoothed(Values{4, 1}, 0.5);
  EXPECT_DOUBLE_EQ(half[0], 4);  // no pull towards zero
  EXPECT_DOUBLE_EQ(half[1], 2);  // (0.25 * 4 + 0.5 * 1) / 0.75
}

TEST(Png, IsWhatTheStandardSays) {  // checksums by Python's zlib
  const std::string png = to_png({.width = 2, .height = 1, .channels = 1, .pixels = {0, 255}});
  EXPECT_EQ(png.substr(0, 16), std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16));
  EXPECT_EQ(png.substr(16, 17), std::string("\0\0\0\2\0\0\0\1\x08\0\0\0\0", 13) + "\xD1\x49\x20\x56");
  EXPECT_EQ(png.substr(png.size() - 8), "IEND\xAE\x42\x60\x82");
  EXPECT_THROW(to_png({.width = 2, .height = 2, .channels = 1, .pixels = {0}}), ShapeError);
}

TEST(Base64, Rfc4648Vectors) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

TEST(Html, SaysTheResult) {
  const std::string page = html(small_run());
  EXPECT_NE(page.find("mean loss is <strong>2</strong>"), std::string::npos);
  EXPECT_NE(page.find("the accuracy is <strong>75.0 %</strong>"), std::string::npos);
  EXPECT_NE(page.find("lowest after epoch 2 (1.25), 0.25 above"), std::string::npos);
  EXPECT_NE(page.find("It has increased to 1.75 since then"), std::string::npos);
}

TEST(Html, EscapesEveryText) {
  const std::string page = html(small_run());
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("\" onload=\""), std::string::npos);
  EXPECT_EQ(page.find("a<b>"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b&gt;&amp;&quot;c&#39;"), std::string::npos);
}

TEST(Html, NeedsNoNetwork) {
  const std::string page = html(small_run());
  EXPECT_FALSE(std::regex_search(page, std::regex("(src|href)=\"(?!data:|#)")));
  EXPECT_EQ(page.find("@import"), std::string::npos);
  EXPECT_EQ(page.find("url("), std::string::npos);
}

TEST(Html, LeavesOutWhatIsMissing) {
  EXPECT_EQ(html({}).find("<section"), std::string::npos);
  RunReport regression;
  regression.target_values = {1, 2, 3}, regression.predicted_values = {1, 2, 4}, regression.test_losses = {0, 0, 1};
  const std::string page = html(regression);
  EXPECT_NE(page.find("R²"), std::string::npos);
  EXPECT_EQ(page.find("Confusion"), std::string::npos);
}

TEST(Html, RefusesColumnsThatDiffer) {
  RunReport r = small_run();
  r.test_losses.pop_back();
  EXPECT_THROW(html(r), ShapeError);
  r = small_run();
  r.targets[0] = 2;
  EXPECT_THROW(html(r), IndexError);
}

TEST(WriteReport, LeavesTheChartsThereAreDataForOrNamesTheFolder) {
  std::string folder = (std::filesystem::temp_directory_path() / "perdita_report_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  write_report(small_run(), folder);
  EXPECT_EQ(read_file(folder + "/report.html"), html(small_run()));  // the same run gives the same bytes
  for (const char* name : {"loss", "gap", "distribution", "classes"}) {
    EXPECT_EQ(read_file(folder + "/" + name + ".svg").substr(0, 4), "<svg");
    EXPECT_EQ(std::filesystem::exists(folder + "/" + name + ".png"), can_rasterise());
  }
  for (const char* name : {"steps", "calibration"}) {
    EXPECT_FALSE(std::filesystem::exists(folder + "/" + name + ".svg"));
  }
  std::filesystem::remove_all(folder);
  EXPECT_THROW(write_report(small_run(), folder), FileError);
}

}  // namespace
}  // namespace perdita::report
