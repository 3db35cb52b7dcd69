#include "perdita/report/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/text.hpp"

namespace perdita::report {
using evaluate::format_count;
using evaluate::format_number;

EpochSummary summarize_epochs(const RunReport& report) {
  EpochSummary s;
  double lowest = std::numeric_limits<double>::infinity();
  for (const evaluate::Record& record : report.history) {
    if (record.kind != "epoch") continue;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const double train = record.find("train_loss").value_or(nan), val = record.find("val_loss").value_or(nan);
    ++s.epochs;
    s.seconds += record.find("seconds").value_or(0.0);
    s.last_val = val;
    const double judged = record.find("val_loss") ? val : train;
    if (!(judged < lowest)) continue;
    lowest = judged;
    s.best = record.epoch, s.best_val = val, s.best_train = train;
  }
  return s;
}

LineChart epoch_chart(const RunReport& report, bool log_y) {
  LineChart chart{.title = "Loss by epoch", .description = {}, .x_label = "epoch", .y_label = "loss", .series = {}};
  chart.log_y = log_y;
  for (const auto& [key, name] : {std::pair{"train_loss", "training"}, std::pair{"val_loss", "validation"}}) {
    evaluate::Curve curve = evaluate::curve(report.history, "epoch", key);
    if (curve.x.empty()) continue;
    chart.description += fmt::format("{}The {} loss goes from {} to {} in {} epochs.", chart.series.empty() ? "" : " ",
                                     name, format_number(curve.y.front()), format_number(curve.y.back()),
                                     curve.x.size());
    chart.series.push_back({.name = name, .x = std::move(curve.x), .y = std::move(curve.y)});
  }
  const EpochSummary s = summarize_epochs(report);
  if (s.best > 0) {
    chart.marker_x = static_cast<double>(s.best);
    chart.marker_label = fmt::format("best: epoch {}", s.best);
    chart.description += fmt::format(" The best epoch is {}.", s.best);
  }
  return chart;
}

StepCurve step_curve(const RunReport& report) {
  constexpr std::size_t most = 1000;
  const evaluate::Curve all = evaluate::curve(report.history, "step", "train_loss");
  const std::size_t group = std::max<std::size_t>(1, (all.x.size() + most - 1) / most);
  StepCurve steps;
  for (std::size_t start = 0; start < all.x.size(); start += group) {
    const std::span<const double> y = std::span(all.y).subspan(start, std::min(group, all.y.size() - start));
    const auto bad = std::find_if(y.begin(), y.end(), [](double v) { return !std::isfinite(v); });
    double mean = 0.0;
    for (double v : y) mean += v / static_cast<double>(y.size());
    if (bad != y.end()) mean = *bad;  // one bad step must not hide among good ones
    const double x = all.x[start + y.size() - 1];
    steps.x.push_back(x);
    steps.mean.push_back(mean);
    const auto [low, high] = std::minmax_element(y.begin(), y.end());
    for (double v : {*low, *high}) {
      steps.extent.x.push_back(x);
      steps.extent.y.push_back(bad == y.end() ? v : mean);
      if (y.size() == 1 || bad != y.end()) break;
    }
  }
  steps.extent.name = "training";
  steps.extent.points = false, steps.extent.faint = true;
  return steps;
}

std::vector<double> smoothed(std::span<const double> values, double smoothing) {
  std::vector<double> result;
  double average = 0.0, weight = 0.0;
  for (double value : values) {
    if (std::isfinite(value)) {
      average = smoothing * average + (1 - smoothing) * value;
      weight = smoothing * weight + (1 - smoothing);
    }
    result.push_back(std::isfinite(value) ? average / weight : value);
  }
  return result;
}

LineChart step_chart(const StepCurve& steps, bool log_y) {
  LineChart chart{
      .title = "Training loss by step", .description = {}, .x_label = "step", .y_label = "loss", .series = {}};
  chart.log_y = log_y;
  const std::vector<double> smooth = smoothed(steps.mean, default_smoothing);
  if (!smooth.empty()) {
    chart.description = fmt::format("Smoothed, the training loss goes from {} to {} in {} steps.",
                                    format_number(smooth.front()), format_number(smooth.back()),
                                    format_count(static_cast<long long>(steps.x.back())));
  }
  chart.series.push_back(steps.extent);
  chart.series.push_back({.name = "smoothed", .x = steps.x, .y = smooth, .points = false});
  return chart;
}

bool prefers_log(const evaluate::Summary& losses) {
  return losses.min > 0.0 && losses.p95 > 10 * losses.median;
}

DistributionChart loss_distribution(std::span<const float> losses, const evaluate::Summary& range, bool log_x) {
  DistributionChart chart{.title = "Distribution of the test loss", .description = {}, .x_label = "loss of a sample",
                          .histogram = {}};
  chart.log_x = log_x;
  const double high = log_x || range.p99 <= range.min ? range.max : range.p99;
  evaluate::HistogramOptions options{.logarithmic = log_x, .low = range.min, .high = high};
  if (range.count == 0 || !(range.min < range.max)) options.low = options.high = evaluate::HistogramOptions{}.low;
  if (log_x) chart.x_label += " (logarithmic)";
  chart.histogram = evaluate::histogram(losses, options);
  evaluate::DensityOptions smooth{.reflect_at_zero = !log_x && range.min >= 0.0};
  const auto place = [log_x](double v) { return log_x ? std::log10(v) : v; };
  smooth.low = place(chart.histogram.edges.front());
  smooth.high = place(chart.histogram.edges.back());
  std::vector<double> placed;
  for (float loss : losses) {
    if (std::isfinite(loss) && (!log_x || loss > 0.0f)) placed.push_back(place(loss));
  }
  chart.density = evaluate::density(placed, smooth);
  const evaluate::Summary s = evaluate::summarize(losses);
  if (s.count == 0) return chart;
  chart.description =
      fmt::format("Half of the {} samples have a loss below {}, 95 in 100 below {}, and the largest is {}.",
                  format_count(s.count), format_number(s.median), format_number(s.p95), format_number(s.max));
  chart.markers = {{s.median, "median " + format_number(s.median)}, {s.mean, "mean " + format_number(s.mean)}};
  return chart;
}

}  // namespace perdita::report
