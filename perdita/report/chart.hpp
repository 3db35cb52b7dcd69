// Charts in SVG: curves by epoch or step, and distributions with their density.
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

/// A separate file contains its style; a chart inside a page uses the style of the page (chart_css()).
enum class Placement { file, page };

/// A line of a LineChart: `y` over `x`.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool points = true;  ///< draw a marker with its value for each point if there is room; otherwise a line only
  bool faint = false;  ///< background of another series: thin, and not in the legend
  bool muted = false;  ///< reference line: grey and dotted
};

/// Lines with a common axis.
struct LineChart {
  std::string title, description;  ///< read by screen readers
  std::string x_label, y_label;
  std::vector<Series> series;
  bool log_y = false;
  double marker_x = std::numeric_limits<double>::quiet_NaN();  ///< a vertical line; NaN: none
  std::string marker_label = {};
  std::string id = {};  ///< id of the <svg>, unique within the page; the script of the page reads its data-* attributes
  double baseline =
      std::numeric_limits<double>::quiet_NaN();  ///< value of a horizontal line, included in the axis; NaN: none
  bool whole_x = false;                          ///< x is an integer, such as an epoch or class
  int width = 720, height = 360;
};

/// Points that are not finite (or not positive on a logarithmic axis) interrupt the line and are shown as a cross at
/// the upper edge with the value. Throws ShapeError if x and y of a series differ in length.
std::string line_chart(const LineChart& chart, Placement placement);

/// The values of the series of a chart (without faint ones), for the script of the page, which shows them on hover and
/// with the arrow keys. Place it in the <figure> of the chart. `more` are additional series that are not drawn.
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

/// Bars are shares of the whole sample (including values outside the range); the curve is scaled to the bars.
std::string distribution_chart(const DistributionChart& chart, Placement placement);

/// Several distributions in one picture, three per row, each with its title above.
std::string small_multiples(std::string_view title, std::span<const DistributionChart> charts);

/// One candidate of a DotChart.
struct DotRow {
  std::string name;
  std::vector<double> values;  ///< one dot per value; values that are not finite are omitted
};

/// A metric of several candidates, one row per candidate: a dot per value, a bar for the confidence interval of the
/// mean, and a diamond at the mean.
struct DotChart {
  std::string title, description, x_label;
  std::vector<DotRow> rows;
  bool percent = false;  ///< values are shares, shown in percent
  std::string id = {};
};
std::string dot_chart(const DotChart& chart, Placement placement);

/// Multiples of 1, 2 or 5 times a power of ten that cover [low, high] in about `wanted` steps.
std::vector<double> linear_ticks(double low, double high, int wanted);
/// Powers of ten within [low, high], at most `wanted`; with 2 and 5 in between if there are fewer than four.
std::vector<double> log_ticks(double low, double high, int wanted);

/// The style of charts in a page; colors are custom properties with light and dark values.
std::string_view chart_css();

/// Escapes text for XML and HTML content and quoted attributes. Invalid UTF-8 and control characters become U+FFFD.
std::string escape(std::string_view text);

}  // namespace perdita::report
