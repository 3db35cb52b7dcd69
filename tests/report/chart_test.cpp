#include "perdita/report/chart.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "perdita/core/error.hpp"
#include "perdita/report/axis.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// All first groups of a pattern's matches.
std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

TEST(ValuesOf, AreWhatTheChartShowsAndCannotEndTheScript) {
  LineChart chart{.title = "", .description = "", .x_label = "epoch", .y_label = "", .series = {}};
  chart.series.push_back({.name = "</script>\"\xff", .x = {1, 2}, .y = {0.1234567, nan}});
  chart.series.push_back({.name = "faint", .x = {1}, .y = {1}, .faint = true});
  const Series more{.name = "samples", .x = {1, 2}, .y = {30, 1e9}};
  const std::string script = values_of(chart, std::span(&more, 1));
  EXPECT_EQ(matches(script, "(</script>)").size(), 1u);
  const auto json = nlohmann::json::parse(script.substr(script.find('{'), script.rfind('}') + 1 - script.find('{')));
  EXPECT_EQ(json["x"], "epoch");
  ASSERT_EQ(json["series"].size(), 2u);
  EXPECT_EQ(json["series"][0]["name"], "</script>\"\xEF\xBF\xBD");
  EXPECT_EQ(json["series"][0]["y"], nlohmann::json::parse("[0.123457, null]"));
  EXPECT_EQ(json["series"][1]["y"], nlohmann::json::parse("[30, 1000000000]"));
}

TEST(TickLabel, IsPlainWhereThatReadsWell) {
  const double values[] = {0, -0.0, 1e-14, 2e-5, 0.001, -0.25, 999, 1000, 60000, 5e6};
  const char* const labels[] = {"0", "0", "1e-14", "2e-5", "0.001", "-0.25", "999", "1,000", "60,000", "5e6"};
  for (std::size_t i = 0; i < std::size(values); ++i) EXPECT_EQ(tick_label(values[i]), labels[i]);
  for (double tick : linear_ticks(-1, 1, 7)) EXPECT_EQ(tick_label(tick) == "0", std::abs(tick) < 1e-9);
}

TEST(LineChart, CountsInWholeNumbers) {
  LineChart chart{.title = "", .description = "", .x_label = "", .y_label = "", .series = {}};
  chart.series.push_back({.name = "a", .x = {1, 2}, .y = {1, 2}});
  const std::string ticks = "text-anchor=\"middle\">([0-9.]+)<";
  EXPECT_GT(matches(line_chart(chart, Placement::page), ticks).size(), 2u);
  chart.whole_x = true;
  EXPECT_EQ(matches(line_chart(chart, Placement::page), ticks), (std::vector<std::string>{"1", "2"}));
}

TEST(LineChart, HasMarksWhileThereIsRoom) {
  LineChart chart{
      .title = "", .description = "", .x_label = "", .y_label = "", .series = {{.name = "", .x = {}, .y = {}}}};
  for (int i = 1; i <= 101; ++i) {
    EXPECT_EQ(matches(line_chart(chart, Placement::page), "(class=\"mark)").size(), static_cast<std::size_t>(i - 1));
    chart.series[0].x.push_back(i), chart.series[0].y.push_back(i);
  }
  EXPECT_EQ(matches(line_chart(chart, Placement::page), "(class=\"mark)").size(), 0u);
}

TEST(LineChart, AnAxisIncludesItsBaseline) {
  LineChart chart{.title = "", .description = "", .x_label = "", .y_label = "", .series = {}};
  chart.series.push_back({.name = "a", .x = {1, 2}, .y = {3, 4}});
  chart.baseline = -1;
  const auto low = matches(line_chart(chart, Placement::page), "data-y=\"([-0-9.]+) ");
  ASSERT_EQ(low.size(), 1u);
  EXPECT_LE(std::stod(low[0]), -1);
}

TEST(DotChart, HasADotAMeanAndAnInterval) {
  DotChart chart{.title = "t", .description = "d", .x_label = "x", .rows = {{"a<b", {1, 2, 3, nan}}, {"one", {2.5}}}};
  const std::string svg = dot_chart(chart, Placement::page);
  EXPECT_EQ(matches(svg, "(<circle)").size(), 4u);
  EXPECT_EQ(matches(svg, "class=\"mean\"[^>]*><title>([^<]*)<"), std::vector<std::string>{"a&lt;b: mean 2"});
  // 2 -+ 4.3027 / sqrt(3): Student's t with two degrees of freedom
  const auto ends = matches(svg, "95 % interval of the mean, ([^<]*)<");
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_NEAR(std::stod(ends[0]), -0.4843, 1e-3);
  EXPECT_NEAR(std::stod(ends[0].substr(ends[0].find("to ") + 3)), 4.4843, 1e-3);
  EXPECT_EQ(svg.find("nan"), svg.npos);
  chart.rows[0].values = {nan}, chart.rows[1].values = {};
  EXPECT_EQ(matches(dot_chart(chart, Placement::file), "(<circle)").size(), 0u);
}

TEST(SmallMultiples, AreAllThereSideBySide) {
  std::vector<DistributionChart> charts;
  for (const char* name : {"a", "b", "c", "d"}) {
    DistributionChart& chart = charts.emplace_back();
    chart.title = chart.id = name;
    chart.histogram.edges = {0, 1};
    chart.histogram.counts = {2};
    chart.width = 270, chart.height = 150;
  }
  const std::string svg = small_multiples("all", charts);
  EXPECT_EQ(matches(svg, "class=\"bar\"(.)").size(), 4u);
  EXPECT_EQ(matches(svg, "<svg x=\"([0-9]+)\""), (std::vector<std::string>{"24", "318", "612", "24"}));
}

TEST(Rasterise, DrawsAPngOfTheSize) {
  if (!can_rasterise()) GTEST_SKIP() << "librsvg is not installed: no PNG is drawn";
  LineChart chart{.title = "t", .description = "", .x_label = "", .y_label = "", .series = {}};
  const std::string png = rasterise(line_chart(chart, Placement::file), 1.5);
  EXPECT_EQ(png.substr(0, 16), std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16));
  EXPECT_EQ(png.substr(16, 8), std::string("\0\0\x04\x38\0\0\x02\x1C", 8));  // 1080 x 540
  EXPECT_THROW(rasterise("<svg", 1), Error);
  EXPECT_THROW(rasterise("", 1), Error);
  EXPECT_THROW(rasterise("<svg xmlns='http://www.w3.org/2000/svg'/>", 0), ValueError);
  EXPECT_THROW(rasterise("<svg xmlns='http://www.w3.org/2000/svg'/>", nan), ValueError);
}

}  // namespace
}  // namespace perdita::report
