#include "cli/evaluation_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::cli {

namespace {

using namespace evaluate;

std::string label(double value, const std::vector<std::string>& names) {
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() ? printable(names[index]) : fmt::format("{}", index);
}

void print_losses(const Evaluation& e) {
  const Summary& s = e.losses;
  fmt::print("mean loss  {}{}", format_number(s.mean), e.weighted ? " (weighted)" : "");
  if (s.count > 1)
    fmt::print("  (95 % interval {} to {})", format_number(e.interval.low), format_number(e.interval.high));
  fmt::print("\nsamples    {}", format_count(s.count));
  const LeftOut& out = e.left_out;
  if (out.ignored > 0) fmt::print(", {} more ignored", format_count(out.ignored));
  if (out.nan > 0) fmt::print(", {} left out: loss is NaN", format_count(out.nan));
  if (out.infinite > 0) fmt::print(", {} left out: loss is infinite", format_count(out.infinite));
  if (out.first >= 0) fmt::print(" (first: row {})", out.first / e.units_per_row);
  fmt::print("\nquantiles  ");
  const std::pair<const char*, double> shown[] = {{"min", s.min},       {"25 %", s.lower_quartile},
                                                  {"median", s.median}, {"75 %", s.upper_quartile},
                                                  {"95 %", s.p95},      {"99 %", s.p99},
                                                  {"max", s.max}};
  for (const auto& [name, value] : shown)
    fmt::print("{}{} {}", name == shown[0].first ? "" : ", ", name, format_number(value));
  if (!e.exact_quantiles) fmt::print("  (within {:.1f} %)", 100 * QuantileSketch::relative_error);
  fmt::print("\n");
}

void print_classes(const Evaluation& e, const std::vector<std::string>& names) {
  const ClassificationScore& score = *e.classes;
  const evaluate::Interval interval = wilson_interval(score.correct, score.samples);
  fmt::print("accuracy   {:.2f} %  (95 % interval {:.2f} to {:.2f} %)\n", 100 * score.accuracy, 100 * interval.low,
             100 * interval.high);
  if (e.roc)
    fmt::print("ROC area   {:.5f}{}\nBrier      {}\n", e.roc->area,
               e.roc->error > 5e-6 ? fmt::format("  (within {:.2g})", e.roc->error) : "", format_number(e.brier));
  constexpr std::size_t most = 50;
  if (score.classes.size() <= most)
    fmt::print("\n{}", class_table(score, names));
  else
    fmt::print("{} classes: --json or --out tells them all\n", score.classes.size());
}

void print_calibration(const Evaluation& e) {
  const Calibration& c = *e.calibration;
  fmt::print("\ncalibration error (ECE, {} bins) {:.4f}, largest of a bin {:.4f}; mean confidence {:.2f} %\n",
             c.bins.size(), c.ece, c.mce, 100 * c.confidence);
  fmt::print("{:>15}{:>13}{:>12}{:>11}\n", "confidence", "samples", "mean", "accuracy");
  for (const CalibrationBin& bin : c.bins) {
    if (bin.count == 0) continue;
    fmt::print("{:>15}{:>13}{:>11.2f}%{:>10.2f}%\n", fmt::format("{:.3f}-{:.3f}", bin.low, bin.high),
               format_count(bin.count), 100 * bin.confidence, 100 * bin.accuracy);
  }
  if (!e.temperature) return;
  const TemperatureFit& t = *e.temperature;
  fmt::print(
      "temperature {:.4f} would mend it: ECE {:.4f} to {:.4f}, negative log-likelihood {} to {} (fitted on {} "
      "samples)\n",
      t.temperature, t.ece_before, t.ece_after, format_number(t.nll_before), format_number(t.nll_after),
      format_count(t.samples));
}

void print_confusion(const Evaluation& e, const std::vector<std::string>& names) {
  const ClassificationScore& score = *e.classes;
  constexpr std::size_t most = 12;
  const std::size_t classes = score.classes.size();
  if (score.confusion.empty() || classes > most) return;
  std::vector<std::string> labels;
  std::size_t width = 5;
  for (std::size_t k = 0; k < classes; ++k) {
    labels.push_back(label(static_cast<double>(k), names));
    width = std::max(width, display_width(labels.back()));
  }
  std::size_t cell = 6;
  for (std::int64_t count : score.confusion) cell = std::max(cell, fmt::formatted_size("{}", count) + 1);
  fmt::print("\nconfusion (rows: true, columns: predicted, in the same order)\n");
  for (std::size_t k = 0; k < classes; ++k) {
    fmt::print("{}{}", labels[k], std::string(width - display_width(labels[k]), ' '));
    for (std::size_t j = 0; j < classes; ++j) fmt::print("{:>{}}", score.confused(k, j), cell);
    fmt::print("\n");
  }
}

void print_regression(const Evaluation& e) {
  const RegressionScore& r = *e.regression;
  fmt::print("\n{:<28}{:>12}\n", "measure", "value");
  const std::pair<const char*, double> rows[] = {{"mean square error", r.mse},
                                                 {"root mean square error", r.rmse},
                                                 {"mean absolute error", r.mae},
                                                 {"bias", r.bias},
                                                 {"R2 (variance explained)", r.r2},
                                                 {"residual, 25 %", e.residuals.lower_quartile},
                                                 {"residual, median", e.residuals.median},
                                                 {"residual, 75 %", e.residuals.upper_quartile},
                                                 {"residual, 95 %", e.residuals.p95},
                                                 {"residual, 99 %", e.residuals.p99}};
  for (const auto& [name, value] : rows) fmt::print("{:<28}{:>12}\n", name, format_number(value));
}

void print_hardest(const Evaluation& e, const std::vector<std::string>& names) {
  if (e.hardest.empty()) return;
  const bool has_values = e.kind != Kind::losses_only;
  fmt::print("\nhardest samples\n{:>12}{}{:>12}{}\n", "row", e.units_per_row > 1 ? "  column" : "", "loss",
             has_values ? "  predicted / true" : "");
  for (const HardSample& sample : e.hardest) {
    const Place place = place_of(e, sample);
    const auto value = [&](double v) { return e.classes ? label(v, names) : format_number(v); };
    fmt::print("{:>12}{}{:>12}{}\n", place.row, e.units_per_row > 1 ? fmt::format("{:>8}", place.column) : "",
               format_number(sample.loss),
               has_values ? fmt::format("  {} / {}", value(sample.predicted), value(sample.truth)) : "");
  }
}

}  // namespace

void print_evaluation(const Evaluation& e, const std::vector<std::string>& names) {
  print_losses(e);
  if (e.classes) {
    print_classes(e, names);
    print_calibration(e);
    print_confusion(e, names);
  }
  if (e.regression) print_regression(e);
  print_hardest(e, names);
}

}  // namespace perdita::cli
