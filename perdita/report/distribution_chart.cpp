#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/axis.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::report {

std::string distribution_chart(const DistributionChart& chart, Placement placement) {
  const evaluate::Histogram& h = chart.histogram;
  std::int64_t total = h.below + h.above + h.nonfinite;
  for (std::int64_t count : h.counts) total += count;
  const auto share = [&](std::int64_t count) {
    return total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0.0;
  };
  const auto place = [&](double edge) { return chart.log_x ? std::log10(edge) : edge; };
  // A density times a bin's width is a share, as the bars are: both then have one axis.
  const double bin = (place(h.edges.back()) - place(h.edges.front())) / static_cast<double>(h.counts.size());
  const double finite = share(total - h.nonfinite);
  double highest = 0.0;
  for (std::int64_t count : h.counts) highest = std::max(highest, share(count));
  // A density folded at zero may stand above the first bar: it may not press the bars flat.
  for (double y : chart.density.y) highest = std::max(highest, std::min(y * bin * finite, 1.5 * highest));
  const bool axis_fits = chart.width > 400;
  const double top = placement == Placement::file ? 62 : axis_fits ? 34 : 14;
  const Scale x{h.edges.front(), h.edges.back(), axis_fits ? 64.0 : 48.0, chart.width - 20.0, chart.log_x};
  const Scale y = scale_around(0.0, std::max(highest, 1e-9), chart.height - (axis_fits ? 50.0 : 26.0), top, false);

  std::string svg =
      open_svg(chart.id, axes_of(x, y), chart.width, chart.height, chart.title, chart.description, placement);
  svg += frame(x, y, chart.x_label, axis_fits ? "share of samples" : "", true);
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    const double left = x(h.edges[i]), right = x(h.edges[i + 1]), y_top = y(share(h.counts[i]));
    svg += fmt::format(
        "<rect class=\"bar\" fill=\"#0072b2\" fill-opacity=\"0.35\" x=\"{:.2f}\" y=\"{:.2f}\" "
        "width=\"{:.2f}\" height=\"{:.2f}\"><title>{} to {}: {} samples ({:.2f} %)</title></rect>\n",
        left, y_top, std::max(0.5, right - left - 1), y.from - y_top, evaluate::format_number(h.edges[i]),
        evaluate::format_number(h.edges[i + 1]), evaluate::format_count(h.counts[i]), 100 * share(h.counts[i]));
  }
  std::string path;
  for (std::size_t i = 0; i < chart.density.x.size(); ++i) {
    const double at = chart.log_x ? std::pow(10.0, chart.density.x[i]) : chart.density.x[i];
    if (at < x.low || at > x.high) continue;
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", x(at), y(chart.density.y[i] * bin * finite));
  }
  svg += fmt::format(
      "<path class=\"line s1 density\" fill=\"none\" stroke=\"#d55e00\" stroke-width=\"2.2\" "
      "d=\"{}\"/>\n",
      path);
  for (std::size_t i = 0; i < chart.markers.size(); ++i) {
    svg += marker(chart.markers[i].first, x, y, chart.markers[i].second, static_cast<int>(i));
  }
  return svg + "</svg>\n";
}

std::string small_multiples(std::string_view title, std::span<const DistributionChart> charts) {
  constexpr int columns = 3, gap = 24, top = 48, caption = 22;
  const int count = static_cast<int>(charts.size()), rows = (count + columns - 1) / columns;
  const int width = charts.empty() ? 0 : charts.front().width, height = charts.empty() ? 0 : charts.front().height;
  std::string svg = open_svg("multiples", "", columns * width + (columns + 1) * gap,
                             top + rows * (height + caption + gap), title, "", Placement::file);
  for (int i = 0; i < count; ++i) {
    const DistributionChart& chart = charts[static_cast<std::size_t>(i)];
    const int x = gap + i % columns * (width + gap), y = top + i / columns * (height + caption + gap);
    svg += fmt::format(
        "<text class=\"ink\" font-weight=\"600\" fill=\"#1f2328\" x=\"{}\" y=\"{}\">{}</text>\n"
        "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">{}</svg>\n",
        x, y + 14, escape(chart.title), x, y + caption, width, height, distribution_chart(chart, Placement::page));
  }
  return svg + "</svg>\n";
}

}  // namespace perdita::report
