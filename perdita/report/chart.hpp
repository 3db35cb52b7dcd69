// Charts as SVG: curves over epochs or steps, and distributions with their density.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/evaluate/density.hpp"
#include "perdita/evaluate/statistics.hpp"

namespace perdita::report {

/// A file of its own carries its style; a chart inside a page takes the page's (chart_css()).
enum class Placement { file, page };

/// A line of a LineChart: `y` over `x`.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool points = true;  ///< a mark with its value for each point, where there is room for it; else a line only
  bool faint = false;  ///< background to another series: thin, and not in the legend
  bool muted = false;  ///< what others are measured by: grey and dotted
};

/// Lines over a common axis.
struct LineChart {
  std::string title, description;  ///< what a screen reader says first, and then
  std::string x_label, y_label;
  std::vector<Series> series;
  bool log_y = false;
  double marker_x = std::numeric_limits<double>::quiet_NaN();  ///< a vertical line; NaN: none
  std::string marker_label = {};
  std::string id = {};  ///< of the <svg>: one for each chart of a page, whose script finds the axes in data-*
  double baseline =
      std::numeric_limits<double>::quiet_NaN();  ///< a horizontal line, which the axis includes; NaN: none
  bool whole_x = false;                          ///< x counts something: epochs, classes
  int width = 720, height = 360;
};

/// Points that are not finite (or, on a logarithmic axis, not positive) break the line and leave a cross at the
/// upper edge that tells the value. Throws ShapeError if x and y of a series differ in length.
std::string line_chart(const LineChart& chart, Placement placement);

/// The values of a chart's series (but for faint ones), for the script of a page, which shows them under the pointer
/// and to the arrow keys. Its place is the chart's <figure>; with `more` go further series that are not drawn.
std::string values_of(const LineChart& chart, std::span<const Series> more = {});

/// A histogram with a density.
struct DistributionChart {
  std::string title, description, x_label;
  evaluate::Histogram histogram;
  evaluate::Density density = {};  ///< over log10(x) if log_x; empty: no curve
  bool log_x = false;
  std::vector<std::pair<double, std::string>> markers = {};  ///< vertical lines: mean, median
  std::string id = {};
  int width = 720, height = 320;
};

/// Bars are shares of the whole sample (with what lies outside the range); the curve is scaled to the bars.
std::string distribution_chart(const DistributionChart& chart, Placement placement);

/// Several distributions in one picture, three in a row, each below its title.
std::string small_multiples(std::string_view title, std::span<const DistributionChart> charts);

/// One candidate of a DotChart.
struct DotRow {
  std::string name;
  std::vector<double> values;  ///< a dot each; one that is not finite is left out
};

/// A measure of several candidates, a row each: a dot for every value, a stroke over the interval of their mean, and a
/// diamond at the mean. A first look at what is more than noise.
struct DotChart {
  std::string title, description, x_label;
  std::vector<DotRow> rows;
  bool percent = false;  ///< shares, told in per cent
  std::string id = {};
};
std::string dot_chart(const DotChart& chart, Placement placement);

/// Multiples of 1, 2 or 5 times a power of ten that cover [low, high] in about `wanted` steps.
std::vector<double> linear_ticks(double low, double high, int wanted);
/// Powers of ten within [low, high], at most `wanted`; with 2 and 5 between them where there are fewer than four.
std::vector<double> log_ticks(double low, double high, int wanted);

/// The style of charts, for a page; colours are custom properties with a light and a dark set.
std::string_view chart_css();

/// Text for XML and HTML, in content and in quoted attributes. Broken UTF-8 and control characters become U+FFFD.
std::string escape(std::string_view text);

}  // namespace perdita::report
