#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "perdita/evaluate/statistics.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/axis.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::report {
namespace {

/// Of a row: what of its values can be drawn.
struct Placed {
  std::vector<double> values;
  evaluate::Summary summary;
  evaluate::Interval interval;
};

Placed placed(const DotRow& row) {
  Placed p{.values = {}, .summary = evaluate::summarize(row.values), .interval = {}};
  std::ranges::copy_if(row.values, std::back_inserter(p.values), [](double v) { return std::isfinite(v); });
  p.interval = evaluate::mean_interval(p.summary);
  return p;
}

std::string draw(const DotRow& row, const Placed& p, const Scale& x, double y, bool percent) {
  const auto told = [&](double v) { return percent ? fmt::format("{:.2f} %", 100 * v) : evaluate::format_number(v); };
  std::string svg = fmt::format(
      "<line class=\"grid\" stroke=\"#d9dee3\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" "
      "y2=\"{2:.1f}\"/>\n",
      x.from, x.to, y);
  svg += fmt::format("<text class=\"ink\" fill=\"#1f2328\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x.from, y - 12,
                     escape(row.name));
  if (std::isfinite(p.interval.low)) {
    svg += fmt::format(
        "<line class=\"band\" stroke=\"#0072b2\" stroke-opacity=\"0.35\" stroke-width=\"9\" "
        "x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"><title>{}: 95 % interval of the mean, "
        "{} to {}</title></line>\n",
        x(std::max(p.interval.low, x.low)), x(std::min(p.interval.high, x.high)), y, y, escape(row.name),
        told(p.interval.low), told(p.interval.high));
  }
  for (double value : p.values) {
    svg += fmt::format(
        "<circle class=\"mark s0\" fill=\"#0072b2\" r=\"4\" cx=\"{:.1f}\" cy=\"{:.1f}\">"
        "<title>{}: {}</title></circle>\n",
        x(value), y, escape(row.name), told(value));
  }
  if (p.values.size() > 1) {
    svg += fmt::format(
        "<path class=\"mean\" fill=\"#d55e00\" d=\"M{:.1f},{:.1f}l6,7l-6,7l-6,-7z\"><title>{}: mean {}"
        "</title></path>\n",
        x(p.summary.mean), y - 7, escape(row.name), told(p.summary.mean));
  }
  return svg;
}

}  // namespace

std::string dot_chart(const DotChart& chart, Placement placement) {
  constexpr int width = 720, row_height = 44;
  std::vector<Placed> rows;
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  for (const DotRow& row : chart.rows) {
    for (double v : rows.emplace_back(placed(row)).values) least = std::min(least, v), largest = std::max(largest, v);
  }
  // An interval of few values may be so wide that the dots would lie on each other: then it leaves the frame.
  const double room = largest > least ? largest - least : std::numeric_limits<double>::infinity();
  double low = least, high = largest;
  for (const Placed& p : rows) {
    if (!std::isfinite(p.interval.low)) continue;
    low = std::min(low, std::max(p.interval.low, least - room));
    high = std::max(high, std::min(p.interval.high, largest + room));
  }
  if (!(low <= high)) low = 0, high = 1;
  const double margin = high > low ? 0.04 * (high - low) : 0.5 * std::max(1e-6, std::abs(high));
  const double top = placement == Placement::file ? 44 : 8;
  const double bottom = top + row_height * static_cast<double>(rows.size()) + 8;
  const Scale x{low - margin, high + margin, 24, width - 24.0};
  std::string svg =
      open_svg(chart.id, "", width, static_cast<int>(bottom) + 50, chart.title, chart.description, placement);
  svg += "<g aria-hidden=\"true\" fill=\"#59636e\" class=\"axes\">\n";
  for (double tick : x.ticks(7)) {
    svg += fmt::format(
        "<line class=\"grid\" stroke=\"#d9dee3\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
        "y2=\"{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
        x(tick), top, bottom, bottom + 18, chart.percent ? tick_label(100 * tick) + " %" : tick_label(tick));
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></g>\n", (x.from + x.to) / 2,
                     bottom + 38, escape(chart.x_label));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    svg += draw(chart.rows[i], rows[i], x, top + row_height * (static_cast<double>(i) + 0.75), chart.percent);
  }
  return svg + "</svg>\n";
}

}  // namespace perdita::report
