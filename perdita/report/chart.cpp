#include "perdita/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/axis.hpp"

namespace perdita::report {
namespace {

// Okabe & Ito's palette (2008), told apart with any colour vision; marks and dashes differ, too.
constexpr std::array<std::string_view, 4> colours{"#0072b2", "#d55e00", "#007a5a", "#8a4f7d"};
constexpr std::array<std::string_view, 4> dashes{"", "7 4", "2 3", "9 3 2 3"};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::string mark(std::size_t kind, double x, double y, std::string_view colour, std::string_view title) {
  const std::string shape =
      kind % 2 == 0 ? fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"", x, y)
                    : fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\"", x - 3.5, y - 3.5);
  return fmt::format("{} class=\"mark s{}\" fill=\"{}\"><title>{}</title></{}>\n", shape, kind, colour, title,
                     kind % 2 == 0 ? "circle" : "rect");
}

std::string draw(const Series& series, std::size_t kind, const LineChart& chart, const Scale& x, const Scale& y) {
  const std::string_view colour = colours[kind % colours.size()];
  std::string path, marks;
  bool pen_down = false;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const double px = x(series.x[i]);
    if (!y.has(series.y[i])) {
      pen_down = false;
      marks += fmt::format("<path class=\"bad\" stroke=\"#cf222e\" stroke-width=\"2\" fill=\"none\" "
                           "d=\"M{:.1f},{:.1f}l8,8m0,-8l-8,8\"><title>{} {}: {} is {}</title></path>\n",
                           px - 4, y.to - 4, escape(chart.x_label), tick_label(series.x[i]), escape(series.name),
                           evaluate::format_number(series.y[i]));
      continue;
    }
    const double py = y(series.y[i]);
    path += fmt::format("{}{:.1f},{:.1f}", pen_down ? "L" : "M", px, py);
    pen_down = true;
    if (series.points) {
      marks += mark(kind % 4, px, py, colour,
                    fmt::format("{} {}: {} {}", escape(chart.x_label), tick_label(series.x[i]), escape(series.name),
                                evaluate::format_number(series.y[i])));
    }
  }
  return fmt::format("<path class=\"line s{}{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{} "
                     "stroke-linejoin=\"round\" d=\"{}\"/>\n{}",
                     kind % 4, series.faint ? " faint" : "", colour, series.faint ? 1 : 2.2,
                     series.faint ? std::string(" stroke-opacity=\"0.3\"")
                                  : fmt::format(" stroke-dasharray=\"{}\"", series.points ? dashes[kind % 4] : ""),
                     path, marks);
}

std::string legend(const LineChart& chart, const Scale& x, double top) {
  double right = x.to;
  std::string svg;
  for (std::size_t i = chart.series.size(); i-- > 0;) {
    const Series& series = chart.series[i];
    if (series.faint || series.name.empty()) continue;
    const double width = 7.2 * static_cast<double>(evaluate::display_width(series.name));
    svg += fmt::format("<text class=\"ink\" fill=\"#1f2328\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", right - width,
                       top + 4.5, escape(series.name));
    svg += fmt::format("<path class=\"line s{}\" stroke=\"{}\" stroke-width=\"2.2\" stroke-dasharray=\"{}\" "
                       "d=\"M{:.1f},{:.1f}h28\"/>",
                       i % 4, colours[i % 4], series.points ? dashes[i % 4] : "", right - width - 34, top);
    if (series.points) svg += mark(i % 4, right - width - 20, top, colours[i % 4], escape(series.name));
    right -= width + 54;
  }
  return "<g aria-hidden=\"true\">" + svg + "</g>\n";
}

std::string marker(double at, const Scale& x, const Scale& y, std::string_view label, int row) {
  if (!x.has(at) || at < x.low || at > x.high) return {};
  const double px = x(at);
  // Labels of neighbouring lines go to different sides, where there is room.
  const double room = 7.0 * static_cast<double>(evaluate::display_width(label));
  const bool left = row % 2 == 0 ? px - room > x.from : px + room > x.to;
  return fmt::format("<g class=\"marker\"><line stroke=\"#59636e\" stroke-dasharray=\"3 3\" x1=\"{0:.1f}\" "
                     "x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/><text fill=\"#59636e\" x=\"{3:.1f}\" y=\"{4:.1f}\" "
                     "text-anchor=\"{5}\">{6}</text></g>\n",
                     px, y.to, y.from, left ? px - 6 : px + 6, y.to + 12 + 17 * row, left ? "end" : "start",
                     escape(label));
}

}  // namespace

std::string line_chart(const LineChart& chart, Placement placement) {
  constexpr int width = 720, height = 360;
  Range xs, ys;
  for (const Series& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      fail<ShapeError>("line_chart: series '{}' has {} x and {} y", series.name, series.x.size(), series.y.size());
    }
    for (double v : series.x) xs.add(v);
    for (double v : series.y) {
      if (std::isfinite(v) && (!chart.log_y || v > 0.0)) ys.add(v);
    }
  }
  const double top = placement == Placement::file ? 74 : 46;
  Scale x{xs.low, xs.high, 64, width - 20.0};
  if (!(xs.low < xs.high)) x.low = (xs.low <= xs.high ? xs.low : 1.0) - 1, x.high = x.low + 2;
  const Scale y = scale_around(ys.low, ys.high, height - 50.0, top, chart.log_y);
  const std::string axes =
      fmt::format("data-x=\"{} {} {} {}\" data-y=\"{} {} {} {}\" data-log=\"{}\"", x.low, x.high, x.from, x.to, y.low,
                  y.high, y.from, y.to, chart.log_y ? 1 : 0);
  std::string svg = open_svg(chart.id, axes, width, height, chart.title, chart.description, placement);
  svg += frame(x, y, chart.x_label, chart.y_label, false);
  svg += marker(chart.marker_x, x, y, chart.marker_label, 0);
  for (std::size_t i = 0; i < chart.series.size(); ++i) svg += draw(chart.series[i], i, chart, x, y);
  return svg + legend(chart, x, top - 26) + "</svg>\n";
}

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

  std::string svg = open_svg(chart.id, "", chart.width, chart.height, chart.title, chart.description, placement);
  svg += frame(x, y, chart.x_label, axis_fits ? "share of samples" : "", true);
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    const double left = x(h.edges[i]), right = x(h.edges[i + 1]), y_top = y(share(h.counts[i]));
    svg += fmt::format("<rect class=\"bar\" fill=\"#0072b2\" fill-opacity=\"0.35\" x=\"{:.2f}\" y=\"{:.2f}\" "
                       "width=\"{:.2f}\" height=\"{:.2f}\"><title>{} to {}: {} samples ({:.2f} %)</title></rect>\n",
                       left, y_top, std::max(0.5, right - left - 1), y.from - y_top,
                       evaluate::format_number(h.edges[i]), evaluate::format_number(h.edges[i + 1]),
                       evaluate::format_count(h.counts[i]), 100 * share(h.counts[i]));
  }
  std::string path;
  for (std::size_t i = 0; i < chart.density.x.size(); ++i) {
    const double at = chart.log_x ? std::pow(10.0, chart.density.x[i]) : chart.density.x[i];
    if (at < x.low || at > x.high) continue;
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", x(at), y(chart.density.y[i] * bin * finite));
  }
  svg += fmt::format("<path class=\"line s1 density\" fill=\"none\" stroke=\"#d55e00\" stroke-width=\"2.2\" "
                     "d=\"{}\"/>\n",
                     path);
  for (std::size_t i = 0; i < chart.markers.size(); ++i) {
    svg += marker(chart.markers[i].first, x, y, chart.markers[i].second, static_cast<int>(i));
  }
  return svg + "</svg>\n";
}

std::string_view chart_css() {
  return R"(:root{--paper:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d9dee3;--tick:#8c959f;--bad:#cf222e;
--s0:#0072b2;--s1:#d55e00;--s2:#007a5a;--s3:#8a4f7d}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6edf3;--soft:#9da7b1;--grid:#2b323a;--tick:#656f7a;
--bad:#ff7b72;--s0:#56b4e9;--s1:#f0a03c;--s2:#3fc79a;--s3:#d69ac6}}
@media print{:root{--paper:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d9dee3;--tick:#8c959f;--bad:#cf222e;
--s0:#0072b2;--s1:#d55e00;--s2:#007a5a;--s3:#8a4f7d}}
.chart .paper{fill:var(--paper)}.chart .axes,.chart .marker text{fill:var(--soft)}
.chart .ink,.chart .heading{fill:var(--ink)}.chart .grid{stroke:var(--grid)}.chart .tick{stroke:var(--tick)}
.chart .marker line{stroke:var(--soft)}.chart .bad{stroke:var(--bad)}.chart .bar{fill:var(--s0)}
.chart .line.s0{stroke:var(--s0)}.chart .line.s1{stroke:var(--s1)}.chart .line.s2{stroke:var(--s2)}
.chart .line.s3{stroke:var(--s3)}.chart .mark.s0{fill:var(--s0)}.chart .mark.s1{fill:var(--s1)}
.chart .mark.s2{fill:var(--s2)}.chart .mark.s3{fill:var(--s3)}.chart .mark:hover,.chart .bar:hover{stroke:var(--ink)}
.chart .marker text{paint-order:stroke;stroke:var(--paper);stroke-width:4px}
)";
}

}  // namespace perdita::report
