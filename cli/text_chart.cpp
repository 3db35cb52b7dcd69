#include "cli/text_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace perdita::cli {

namespace {

struct Span {
  double low, high;
};

/// Range of the lines without the highest and the lowest percent, so that a pole does not flatten the rest.
Span span_of(const TextChart& chart) {
  std::vector<double> all;
  for (const TextChart::Line& line : chart.lines) {
    std::ranges::copy_if(line.y, std::back_inserter(all), [](double y) { return std::isfinite(y); });
  }
  if (all.empty()) return {0, 1};
  std::ranges::sort(all);
  const std::size_t cut = all.size() / 100;
  Span span{std::min(all[cut], 0.0), std::max(all[all.size() - 1 - cut], 0.0)};
  if (span.low == span.high) span.high = span.low + 1;
  return span;
}

}  // namespace

std::string text_chart(const TextChart& chart) {
  const Span span = span_of(chart);
  const auto width = static_cast<std::size_t>(chart.width), height = static_cast<std::size_t>(chart.height);
  const auto row_of = [&](double y) {
    return static_cast<std::ptrdiff_t>(std::lround((span.high - y) / (span.high - span.low) * (chart.height - 1)));
  };
  std::vector<std::string> rows(height, std::string(width, ' '));
  rows[static_cast<std::size_t>(row_of(0))].assign(width, '-');
  for (const TextChart::Line& line : chart.lines) {
    for (std::size_t i = 0; i < chart.x.size(); ++i) {
      if (!std::isfinite(line.y[i]) || line.y[i] > span.high || line.y[i] < span.low) continue;
      const std::size_t column = i * (width - 1) / std::max<std::size_t>(chart.x.size() - 1, 1);
      rows[static_cast<std::size_t>(row_of(line.y[i]))][column] = line.mark;
    }
  }
  std::string text = fmt::format("{:>10} {}\n", "", chart.title);
  for (std::size_t row = 0; row < height; ++row) {
    const std::string label = row == 0                                        ? fmt::format("{:.3g}", span.high)
                              : row == height - 1                             ? fmt::format("{:.3g}", span.low)
                              : static_cast<std::ptrdiff_t>(row) == row_of(0) ? std::string("0")
                                                                              : "";
    text += fmt::format("{:>10} |{}\n", label, rows[row]);
  }
  const std::string left = fmt::format("{:g}", chart.x.front()), right = fmt::format("{:g}", chart.x.back());
  const std::size_t middle = width + 1 - std::min(width, left.size() + right.size());
  return text + fmt::format("{:>10} {}{:^{}}{}\n", "", left, chart.x_label, middle, right);
}

}  // namespace perdita::cli
