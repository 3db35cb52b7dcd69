#include "perdita/report/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/text.hpp"

namespace perdita::report {
namespace {

/// 1, 2 or 5 times a power of ten, at least `size`.
double nice_step(double size) {
  const double power = std::pow(10.0, std::floor(std::log10(size)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= size * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (char c : evaluate::printable(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::vector<double> linear_ticks(double low, double high, int wanted) {
  // Of numbers this close the steps would be lost in the rounding of the ticks.
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) return {low};
  const double step = nice_step((high - low) / std::max(1, wanted));
  std::vector<double> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high, int wanted) {
  std::vector<double> powers, all;
  for (double e = std::floor(std::log10(low)); e <= std::log10(high) + 1e-9; ++e) {
    for (double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, e);
      if (tick < low * (1 - 1e-9) || tick > high * (1 + 1e-9)) continue;
      all.push_back(tick);
      if (factor == 1.0) powers.push_back(tick);
    }
  }
  if (powers.size() < 4) return all;
  const auto most = static_cast<std::size_t>(std::max(1, wanted));
  const std::size_t stride = (powers.size() + most - 1) / most;
  std::vector<double> thinned;
  for (std::size_t i = 0; i < powers.size(); i += stride) thinned.push_back(powers[i]);
  return thinned;
}

double Scale::operator()(double value) const {
  const double share = logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + std::clamp(share, -0.01, 1.01) * (to - from);  // a hair beyond the frame, whatever the value
}

bool Scale::has(double value) const { return std::isfinite(value) && (!logarithmic || value > 0.0); }

std::vector<double> Scale::ticks(int wanted) const {
  std::vector<double> all = logarithmic ? log_ticks(low, high, wanted) : linear_ticks(low, high, wanted);
  if (whole) std::erase_if(all, [](double tick) { return std::abs(tick - std::round(tick)) > 1e-9; });
  return all;
}

std::string tick_label(double value) {
  const double size = std::abs(value);
  if (size >= 1000 && size < 1e6) return evaluate::format_count(std::llround(value));
  if (size == 0) return "0";
  if (size >= 1e-3 && size < 1e6) return fmt::format("{:.4g}", value);
  const double exponent = std::floor(std::log10(size) + 1e-9);
  return fmt::format("{:.3g}e{:.0f}", value / std::pow(10.0, exponent), exponent);
}

Scale scale_around(double low, double high, double from, double to, bool logarithmic) {
  if (!(low <= high)) low = logarithmic ? 0.1 : 0.0, high = 1.0;  // nothing to show
  if (logarithmic) {
    if (high / low < 1.2) low /= 1.5, high *= 1.5;
    return {low / 1.1, high * 1.1, from, to, true};
  }
  if (low > 0.0 && low < 0.5 * high) low = 0.0;
  if (high - low <= 1e-9 * std::abs(high)) {
    const double margin = high == 0.0 ? 1.0 : 0.5 * std::abs(high);
    low -= margin, high += margin;
  }
  const double step = nice_step((high - low) / 5);
  return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, from, to, false};
}

std::string open_svg(std::string_view id, std::string_view attributes, int width, int height, std::string_view title,
                     std::string_view description, Placement placement) {
  const std::string name = id.empty() ? "chart" : escape(id);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" id=\"{0}\" viewBox=\"0 0 {1} {2}\" role=\"img\" "
      "aria-labelledby=\"{0}-t {0}-d\" font-family=\"system-ui, sans-serif\" font-size=\"13\" {5}{6}>\n"
      "<title id=\"{0}-t\">{3}</title>\n<desc id=\"{0}-d\">{4}</desc>\n",
      name, width, height, escape(title), escape(description), attributes,
      placement == Placement::file ? fmt::format(" width=\"{}\" height=\"{}\"", width, height) : "");
  if (placement == Placement::file) {
    svg += fmt::format("<style>{}</style>\n<rect class=\"paper\" width=\"{}\" height=\"{}\" fill=\"#fff\"/>\n",
                       chart_css(), width, height);
    svg += fmt::format("<text class=\"heading\" x=\"16\" y=\"22\" font-weight=\"600\" fill=\"#1f2328\">{}</text>\n",
                       escape(title));
  }
  return svg;
}

std::string axes_of(const Scale& x, const Scale& y) {
  return fmt::format("data-x=\"{} {} {} {}\" data-y=\"{} {} {} {}\" data-log=\"{}\"", x.low, x.high, x.from, x.to,
                     y.low, y.high, y.from, y.to, y.logarithmic ? 1 : 0);
}

std::string frame(const Scale& x, const Scale& y, std::string_view x_label, std::string_view y_label, bool percent_y) {
  std::string svg = "<g aria-hidden=\"true\" fill=\"#59636e\" class=\"axes\">\n";
  for (double tick : y.ticks(5)) {
    const std::string label = percent_y ? tick_label(100 * tick) + " %" : tick_label(tick);
    svg += fmt::format(
        "<line class=\"grid\" stroke=\"#d9dee3\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
        "y2=\"{:.1f}\"/><text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        x.from, x.to, y(tick), y(tick), x.from - 8, y(tick) + 4.5, label);
  }
  for (double tick : x.ticks(x.to - x.from > 400 ? 8 : 4)) {
    svg += fmt::format(
        "<line class=\"tick\" stroke=\"#8c959f\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
        "y2=\"{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
        x(tick), y.from, y.from + 5, y.from + 19, tick_label(tick));
  }
  svg += fmt::format(
      "<line class=\"tick\" stroke=\"#8c959f\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
      "y2=\"{:.1f}\"/>\n",
      x.from, x.to, y.from, y.from);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (x.from + x.to) / 2,
                     y.from + 40, escape(x_label));
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n</g>\n", x.from - 44, y.to - 14, escape(y_label));
  return svg;
}

std::string marker(double at, const Scale& x, const Scale& y, std::string_view label, int row) {
  if (!x.has(at) || at < x.low || at > x.high) return {};
  const double px = x(at);
  // Labels of neighbouring lines go to different sides, where there is room.
  const double room = 7.0 * static_cast<double>(evaluate::display_width(label));
  const bool left = row % 2 == 0 ? px - room > x.from : px + room > x.to;
  return fmt::format(
      "<g class=\"marker\"><line stroke=\"#59636e\" stroke-dasharray=\"3 3\" x1=\"{0:.1f}\" "
      "x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/><text fill=\"#59636e\" x=\"{3:.1f}\" y=\"{4:.1f}\" "
      "text-anchor=\"{5}\">{6}</text></g>\n",
      px, y.to, y.from, left ? px - 6 : px + 6, y.to + 12 + 17 * row, left ? "end" : "start", escape(label));
}

}  // namespace perdita::report
