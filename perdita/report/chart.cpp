#include "perdita/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/axis.hpp"

namespace perdita::report {
namespace {

// Okabe & Ito's palette (2008), told apart with any colour vision; marks and dashes differ, too.
constexpr std::array<std::string_view, 4> colours{"#0072b2", "#d55e00", "#007a5a", "#8a4f7d"};
constexpr std::array<std::string_view, 4> dashes{"", "7 4", "2 3", "9 3 2 3"};

constexpr std::string_view grey = "#59636e";

/// The class of a series' line.
std::string style_of(const Series& series, std::size_t kind) {
  return series.muted ? "muted" : fmt::format("s{}", kind % 4);
}

std::string_view dashes_of(const Series& series, std::size_t kind) {
  return series.muted ? dashes[2] : series.points ? dashes[kind % 4] : "";
}

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
  const std::string_view colour = series.muted ? grey : colours[kind % colours.size()];
  std::string path, marks;
  constexpr std::size_t most_marks = 100;
  const bool has_marks = series.points && series.x.size() <= most_marks;
  bool pen_down = false;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const double px = x(series.x[i]);
    if (!y.has(series.y[i])) {
      pen_down = false;
      marks += fmt::format(
          "<path class=\"bad\" stroke=\"#cf222e\" stroke-width=\"2\" fill=\"none\" "
          "d=\"M{:.1f},{:.1f}l8,8m0,-8l-8,8\"><title>{} {}: {} is {}</title></path>\n",
          px - 4, y.to - 4, escape(chart.x_label), tick_label(series.x[i]), escape(series.name),
          evaluate::format_number(series.y[i]));
      continue;
    }
    const double py = y(series.y[i]);
    path += fmt::format("{}{:.1f},{:.1f}", pen_down ? "L" : "M", px, py);
    pen_down = true;
    if (has_marks) {
      marks += mark(kind % 4, px, py, colour,
                    fmt::format("{} {}: {} {}", escape(chart.x_label), tick_label(series.x[i]), escape(series.name),
                                evaluate::format_number(series.y[i])));
    }
  }
  return fmt::format(
      "<path class=\"line {}{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{} "
      "stroke-linejoin=\"round\" d=\"{}\"/>\n{}",
      style_of(series, kind), series.faint ? " faint" : "", colour, series.faint ? 1 : 2.2,
      series.faint ? std::string(" stroke-opacity=\"0.3\"")
                   : fmt::format(" stroke-dasharray=\"{}\"", dashes_of(series, kind)),
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
    svg += fmt::format(
        "<path class=\"line {}\" stroke=\"{}\" stroke-width=\"2.2\" stroke-dasharray=\"{}\" "
        "d=\"M{:.1f},{:.1f}h28\"/>",
        style_of(series, i), series.muted ? grey : colours[i % 4], dashes_of(series, i), right - width - 34, top);
    if (series.points) svg += mark(i % 4, right - width - 20, top, colours[i % 4], escape(series.name));
    right -= width + 54;
  }
  return "<g aria-hidden=\"true\">" + svg + "</g>\n";
}

}  // namespace

std::string line_chart(const LineChart& chart, Placement placement) {
  Range xs, ys;
  for (const Series& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      fail<ShapeError>("line_chart: series '{}' has {} x values and {} y values (valid: the same number)", series.name,
                       series.x.size(), series.y.size());
    }
    for (double v : series.x) xs.add(v);
    for (double v : series.y) {
      if (std::isfinite(v) && (!chart.log_y || v > 0.0)) ys.add(v);
    }
  }
  const bool has_baseline = std::isfinite(chart.baseline);
  if (has_baseline) ys.add(chart.baseline);
  const double top = placement == Placement::file ? 74 : 46;
  Scale x{xs.low, xs.high, 64, chart.width - 20.0};
  x.whole = chart.whole_x;
  if (!(xs.low < xs.high)) x.low = (xs.low <= xs.high ? xs.low : 1.0) - 1, x.high = x.low + 2;
  const Scale y = scale_around(ys.low, ys.high, chart.height - 50.0, top, chart.log_y);
  std::string svg =
      open_svg(chart.id, axes_of(x, y), chart.width, chart.height, chart.title, chart.description, placement);
  svg += frame(x, y, chart.x_label, chart.y_label, false);
  if (has_baseline) {
    svg += fmt::format(
        "<line class=\"tick\" stroke=\"#8c959f\" stroke-width=\"1.5\" x1=\"{:.1f}\" x2=\"{:.1f}\" "
        "y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
        x.from, x.to, y(chart.baseline), y(chart.baseline));
  }
  svg += marker(chart.marker_x, x, y, chart.marker_label, 0);
  for (std::size_t i = 0; i < chart.series.size(); ++i) svg += draw(chart.series[i], i, chart, x, y);
  return svg + legend(chart, x, top - 26) + "</svg>\n";
}

std::string values_of(const LineChart& chart, std::span<const Series> more) {
  const auto array = [](std::span<const double> values) {
    std::string text;
    for (double value : values) {
      text += text.empty() ? "[" : ",";
      text += std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
    }
    return text.empty() ? "[]" : text + "]";
  };
  const auto quoted = [](const std::string& name) {
    std::string json = nlohmann::json(name).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    for (std::size_t at; (at = json.find('<')) != json.npos;) json.replace(at, 1, "\\u003c");  // cannot end the script
    return json;
  };
  std::string text;
  const auto add = [&](const Series& series) {
    if (series.faint) return;
    text += fmt::format("{}{{\"name\":{},\"x\":{},\"y\":{}}}", text.empty() ? "" : ",", quoted(series.name),
                        array(series.x), array(series.y));
  };
  for (const Series& series : chart.series) add(series);
  for (const Series& series : more) add(series);
  return fmt::format("<script type=\"application/json\" class=\"values\">{{\"x\":{},\"series\":[{}]}}</script>\n",
                     quoted(chart.x_label), text);
}

std::string_view chart_css() {
  return R"(:root{--paper:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d9dee3;--tick:#8c959f;--bad:#cf222e;
--s0:#0072b2;--s1:#d55e00;--s2:#007a5a;--s3:#8a4f7d;--link:#0b5cad;--wash:rgb(0 114 178/.28)}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6edf3;--soft:#9da7b1;--grid:#2b323a;
--tick:#656f7a;--bad:#ff7b72;--s0:#56b4e9;--s1:#f0a03c;--s2:#3fc79a;--s3:#d69ac6;--link:#6cb6ff;
--wash:rgb(86 180 233/.3)}}
.chart .paper{fill:var(--paper)}.chart .axes,.chart .marker text{fill:var(--soft)}
.chart .ink,.chart .heading{fill:var(--ink)}.chart .grid{stroke:var(--grid)}.chart .tick{stroke:var(--tick)}
.chart .marker line,.chart .cross{stroke:var(--soft)}.chart .bad{stroke:var(--bad)}.chart .bar{fill:var(--s0)}
.chart .line.s0{stroke:var(--s0)}.chart .line.s1{stroke:var(--s1)}.chart .line.s2{stroke:var(--s2)}
.chart .line.s3{stroke:var(--s3)}.chart .line.muted{stroke:var(--soft)}.chart .mark.s0{fill:var(--s0)}
.chart .mark.s1{fill:var(--s1)}.chart .mark.s2{fill:var(--s2)}.chart .mark.s3{fill:var(--s3)}
.chart .mark:hover,.chart .bar:hover{stroke:var(--ink)}.chart .band{stroke:var(--s0)}.chart .mean{fill:var(--s1)}
.chart .marker text{paint-order:stroke;stroke:var(--paper);stroke-width:4px}
)";
}

}  // namespace perdita::report
