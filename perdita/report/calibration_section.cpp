#include <fmt/format.h>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/class_sections.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {
namespace {
using evaluate::Calibration;
using evaluate::CalibrationBin;
using evaluate::format_count;
using evaluate::format_number;

/// How often each confidence is claimed.
DistributionChart confidence_chart(const Calibration& calibration) {
  DistributionChart chart{.title = "Distribution of the confidence",
                          .description = fmt::format("Share of the samples in each bin of confidence; the mean is "
                                                     "{:.1f} %.",
                                                     100 * calibration.confidence),
                          .x_label = "confidence",
                          .histogram = {.edges = {0.0}, .counts = {}},
                          .markers = {{calibration.confidence, fmt::format("mean {:.3f}", calibration.confidence)}},
                          .id = "confidence",
                          .height = 220};
  for (const CalibrationBin& bin : calibration.bins) {
    chart.histogram.edges.push_back(bin.high);
    chart.histogram.counts.push_back(bin.count);
  }
  return chart;
}

/// Whether the model claims more than it keeps, in plain words.
std::string confidence_summary(const Calibration& c) {
  double count = 0, right = 0;
  for (const CalibrationBin& bin : c.bins) {
    count += static_cast<double>(bin.count);
    if (bin.count > 0) right += static_cast<double>(bin.count) * bin.accuracy;
  }
  if (count == 0) return {};
  const double off = 100 * (c.confidence - right / count);
  return fmt::format(
      "<p>The mean confidence of the model is <strong>{:.1f} %</strong>, its accuracy <strong>{:.1f} %</strong>: {}. "
      "On average over the bins, confidence and accuracy differ by {:.1f} percentage points (expected calibration "
      "error {:.4f}); the largest difference is {:.1f} points.</p>\n",
      100 * c.confidence, 100 * right / count,
      off > 1    ? "the model is overconfident"
      : off < -1 ? "the model is underconfident"
                 : "on average they agree",
      100 * c.ece, c.ece, 100 * c.mce);
}

std::string bins_table(const Calibration& calibration) {
  std::string text =
      "<details><summary>The bins of the diagram</summary><div class=\"scroll\"><table><caption>Predictions by "
      "confidence.</caption><thead><tr><th scope=\"col\" class=\"text\">confidence</th><th scope=\"col\">samples</th>"
      "<th scope=\"col\">mean confidence</th><th scope=\"col\">accuracy</th></tr></thead><tbody>\n";
  for (const CalibrationBin& bin : calibration.bins) {
    text += fmt::format("<tr><th scope=\"row\">{:.3f} to {:.3f}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n", bin.low,
                        bin.high, format_count(bin.count), number(bin.confidence, 4), number(bin.accuracy, 4));
  }
  return text + "</tbody></table></div></details>\n";
}

}  // namespace

LineChart reliability_chart(const Calibration& calibration) {
  LineChart chart{
      .title = "Reliability diagram",
      .description = fmt::format("Accuracy as a function of the confidence. The expected calibration error is {:.4f}.",
                                 calibration.ece),
      .x_label = "confidence",
      .y_label = "accuracy",
      .series = {},
      .id = "reliability"};
  Series measured{.name = "measured", .x = {}, .y = {}};
  for (const CalibrationBin& bin : calibration.bins) {
    if (bin.count == 0) continue;
    measured.x.push_back(bin.confidence);
    measured.y.push_back(bin.accuracy);
  }
  chart.series.push_back(std::move(measured));
  chart.series.push_back({.name = "perfect", .x = {0, 1}, .y = {0, 1}, .points = false, .muted = true});
  return chart;
}

std::string calibration_section(const Calibration& calibration, const evaluate::TemperatureFit* fit) {
  const LineChart chart = reliability_chart(calibration);
  // Under the pointer are the bins, and of each how many samples it has.
  LineChart told = chart;
  told.series.resize(1);
  Series samples{.name = "samples", .x = chart.series[0].x, .y = {}};
  for (const CalibrationBin& bin : calibration.bins) {
    if (bin.count > 0) samples.y.push_back(static_cast<double>(bin.count));
  }
  std::string text = confidence_summary(calibration);
  text += figure(two_sizes(chart), values_of(told, std::span(&samples, 1)),
                 "Accuracy (vertical) of the predictions with a given confidence (horizontal). Below the diagonal the "
                 "model is overconfident, above it underconfident.");
  if (fit != nullptr) {
    text += fmt::format(
        "<p>Dividing the logits by a temperature of <strong>{:.4f}</strong> improves the calibration: on the {} "
        "samples used to fit it, the calibration error changes from {} to {} and the negative log-likelihood from {} "
        "to {}. The predicted classes do not change.</p>\n",
        fit->temperature, format_count(fit->samples), number(fit->ece_before, 4), number(fit->ece_after, 4),
        format_number(fit->nll_before), format_number(fit->nll_after));
  }
  text += figure(two_sizes(confidence_chart(calibration)), "", "Distribution of the confidence of the predictions.");
  return text + bins_table(calibration);
}

}  // namespace perdita::report
