#include "perdita/report/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/sections.hpp"

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
    const double compared = record.find("val_loss") ? val : train;
    if (!(compared < lowest) || report.loss_changes) continue;
    lowest = compared;
    s.best = record.epoch, s.best_val = val, s.best_train = train;
  }
  return s;
}

LineChart epoch_chart(const RunReport& report, bool log_y) {
  LineChart chart{.title = "Loss by epoch", .description = {}, .x_label = "epoch", .y_label = "loss", .series = {}};
  chart.log_y = log_y, chart.whole_x = true;
  for (const auto& [key, name] : {std::pair{"train_loss", "training"}, std::pair{"val_loss", "validation"}}) {
    evaluate::Curve curve = evaluate::curve(report.history, "epoch", key);
    if (curve.x.empty()) continue;
    chart.description +=
        fmt::format("{}The {} loss changes from {} to {} in {} epochs.", chart.series.empty() ? "" : " ", name,
                    format_number(curve.y.front()), format_number(curve.y.back()), curve.x.size());
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

std::vector<std::string> part_names(const RunReport& report) {
  constexpr std::string_view prefix = "weight.";
  std::vector<std::string> names;
  for (const evaluate::Record& record : report.history) {
    if (record.kind != "epoch") continue;
    for (const auto& [key, value] : record.values) {
      if (key.starts_with(prefix)) names.push_back(key.substr(prefix.size()));
    }
    break;
  }
  return names;
}

LineChart part_chart(const RunReport& report, const std::string& key, const std::string& label) {
  LineChart chart{
      .title = label + " of the parts", .description = {}, .x_label = "epoch", .y_label = label, .series = {}};
  chart.whole_x = true, chart.height = 240;
  for (const std::string& name : part_names(report)) {
    evaluate::Curve curve = evaluate::curve(report.history, "epoch", key + name);
    if (curve.x.empty()) continue;
    chart.description += fmt::format("{}{} changes from {} to {}.", chart.series.empty() ? "" : " ", name,
                                     format_number(curve.y.front()), format_number(curve.y.back()));
    chart.series.push_back({.name = name, .x = std::move(curve.x), .y = std::move(curve.y)});
  }
  return chart;
}

LineChart class_curve_chart(const RunReport& report, bool log_y) {
  constexpr std::size_t most = 4;  // as many as have their own color and dashes
  LineChart chart{
      .title = "Training loss by class", .description = {}, .x_label = "epoch", .y_label = "loss", .series = {}};
  chart.log_y = log_y, chart.whole_x = true;
  for (const std::string& name : report.class_names) {
    evaluate::Curve curve = evaluate::curve(report.history, "epoch", "train_loss/" + name);
    if (curve.x.size() < 2) continue;
    chart.series.push_back({.name = name, .x = std::move(curve.x), .y = std::move(curve.y)});
  }
  // NaN first, as the largest loss: it has no place in an order.
  std::ranges::stable_sort(chart.series, std::greater<>(), [](const Series& series) {
    return std::isnan(series.y.back()) ? std::numeric_limits<double>::infinity() : series.y.back();
  });
  if (chart.series.size() > most) chart.series.resize(most);
  for (const Series& series : chart.series) {
    chart.description += fmt::format("{}The loss of {} changes from {} to {}.", chart.description.empty() ? "" : " ",
                                     series.name, format_number(series.y.front()), format_number(series.y.back()));
  }
  return chart;
}

LineChart gap_chart(const RunReport& report) {
  LineChart chart{.title = "Generalization gap",
                  .description = {},
                  .x_label = "epoch",
                  .y_label = "validation loss - training loss",
                  .series = {},
                  .id = "gap",
                  .baseline = 0,
                  .whole_x = true,
                  .height = 240};
  Series gap{.name = "gap", .x = {}, .y = {}};
  for (const evaluate::Record& record : report.history) {
    const auto train = record.find("train_loss"), val = record.find("val_loss");
    if (record.kind != "epoch" || !train || !val) continue;
    gap.x.push_back(static_cast<double>(record.epoch));
    gap.y.push_back(*val - *train);
  }
  if (gap.x.empty()) return chart;
  chart.description = fmt::format("The gap changes from {} to {} in {} epochs.", format_number(gap.y.front()),
                                  format_number(gap.y.back()), gap.x.size());
  const EpochSummary s = summarize_epochs(report);
  if (s.best > 0)
    chart.marker_x = static_cast<double>(s.best), chart.marker_label = fmt::format("best: epoch {}", s.best);
  chart.series.push_back(std::move(gap));
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
  chart.log_y = log_y, chart.whole_x = true;
  const std::vector<double> smooth = smoothed(steps.mean, default_smoothing);
  if (!smooth.empty()) {
    chart.description =
        fmt::format("The smoothed training loss changes from {} to {} in {} steps.", format_number(smooth.front()),
                    format_number(smooth.back()), format_count(static_cast<long long>(steps.x.back())));
  }
  chart.series.push_back(steps.extent);
  chart.series.push_back({.name = "smoothed", .x = steps.x, .y = smooth, .points = false});
  return chart;
}

bool prefers_log(const evaluate::Summary& losses) { return losses.min > 0.0 && losses.p95 > 10 * losses.median; }

evaluate::Density loss_density(std::span<const float> losses, const evaluate::Histogram& over, bool log_x) {
  const auto place = [log_x](double v) { return log_x ? std::log10(v) : v; };
  evaluate::DensityOptions smooth;
  smooth.low = place(over.edges.front());
  smooth.high = place(over.edges.back());
  std::vector<double> placed;
  for (float loss : losses) {
    if (!std::isfinite(loss) || (log_x && !(loss > 0.0f))) continue;
    placed.push_back(place(static_cast<double>(loss)));
  }
  smooth.reflect_at_zero = !log_x && std::ranges::none_of(placed, [](double v) { return v < 0; });
  return evaluate::density(placed, smooth);
}

DistributionChart loss_distribution(std::span<const float> losses, const evaluate::Summary& range, bool log_x) {
  DistributionChart chart{
      .title = "Distribution of the test loss", .description = {}, .x_label = "loss per sample", .histogram = {}};
  chart.log_x = log_x;
  const double high = log_x || range.p99 <= range.min ? range.max : range.p99;
  evaluate::HistogramOptions options{.logarithmic = log_x, .low = range.min, .high = high};
  if (range.count == 0 || !(range.min < range.max)) options.low = options.high = evaluate::HistogramOptions{}.low;
  if (log_x) chart.x_label += " (logarithmic)";
  chart.histogram = evaluate::histogram(losses, options);
  chart.density = loss_density(losses, chart.histogram, log_x);
  const evaluate::Summary s = evaluate::summarize(losses);
  if (s.count == 0) return chart;
  chart.description =
      fmt::format("Of {} samples, half have a loss below {} and 95 % below {}; the largest loss is {}.",
                  format_count(s.count), format_number(s.median), format_number(s.p95), format_number(s.max));
  chart.markers = {{s.median, "median " + format_number(s.median)}, {s.mean, "mean " + format_number(s.mean)}};
  return chart;
}

std::vector<DistributionChart> class_distributions(std::span<const float> losses, std::span<const std::int64_t> classes,
                                                   const std::vector<std::string>& names,
                                                   const evaluate::Summary& range) {
  constexpr std::size_t most_shown = 12;
  if (range.count == 0 || classes.size() != losses.size()) return {};
  std::vector<std::vector<float>> by_class(names.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    by_class[static_cast<std::size_t>(classes[i])].push_back(losses[i]);
  }
  std::vector<std::size_t> shown;
  for (std::size_t k = 0; k < by_class.size(); ++k) {
    if (!by_class[k].empty()) shown.push_back(k);
  }
  if (names.size() > most_classes_in_detail) {
    std::vector<double> means(names.size(), -std::numeric_limits<double>::infinity());
    for (std::size_t k : shown) {
      if (const evaluate::Summary s = evaluate::summarize(by_class[k]); s.count > 0) means[k] = s.mean;
    }
    std::ranges::stable_sort(shown, std::greater<>(), [&](std::size_t k) { return means[k]; });
    shown.resize(std::min(shown.size(), most_shown));
  }
  const bool log_x = prefers_log(range);
  std::vector<DistributionChart> charts;
  for (std::size_t k : shown) {
    DistributionChart chart = loss_distribution(by_class[k], range, log_x);
    chart.title = names[k];
    chart.id = fmt::format("class-{}", k);
    chart.x_label.clear();
    if (!chart.markers.empty()) {  // the median; there is no room for the word
      chart.markers.resize(1);
      chart.markers[0].second = format_number(chart.markers[0].first);
    }
    chart.width = 270, chart.height = 150;
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace perdita::report
