#include "perdita/evaluate/evaluation_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {

namespace {

template <class... Args>
void add(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

std::string label(double value, const std::vector<std::string>& names) {
  if (std::isnan(value)) return "none";
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() ? printable(names[index]) : fmt::format("{}", index);
}

void add_losses(const Evaluation& e, std::string& text) {
  const Summary& s = e.losses;
  add(text, "mean loss  {}{}", format_number(s.mean), e.weighted ? " (weighted)" : "");
  if (s.count > 1)
    add(text, "  (95 % interval {} to {})", format_number(e.interval.low), format_number(e.interval.high));
  for (const PartMean& part : e.parts)
    add(text, "\n  {:<28} mean {}, weight {}", part.name, format_number(part.mean), format_number(part.weight));
  add(text, "\nsamples    {}", format_count(e.counted));
  const LeftOut& out = e.left_out;
  if (out.ignored > 0) add(text, " ({} more have the ignored label)", format_count(out.ignored));
  if (out.first >= 0) {
    add(text, "; mean loss and quantiles are those of {}", format_count(s.count));
    if (out.nan > 0) add(text, ", {} excluded because the loss is NaN", format_count(out.nan));
    if (out.infinite > 0) add(text, ", {} excluded because the loss is infinite", format_count(out.infinite));
    add(text, " (first: row {})", out.first / e.units_per_row);
  }
  if (out.unpredicted > 0)
    add(text, "\nno class   {} predictions contain NaN; they count as wrong and are excluded from the calibration",
        format_count(out.unpredicted));
  add(text, "\nquantiles  ");
  const std::pair<const char*, double> shown[] = {{"min", s.min},       {"25 %", s.lower_quartile},
                                                  {"median", s.median}, {"75 %", s.upper_quartile},
                                                  {"95 %", s.p95},      {"99 %", s.p99},
                                                  {"max", s.max}};
  for (const auto& [name, value] : shown)
    add(text, "{}{} {}", name == shown[0].first ? "" : ", ", name, format_number(value));
  if (!e.exact_quantiles) add(text, "  (within {:.1f} %)", 100 * QuantileSketch::relative_error);
  add(text, "\n");
}

void add_classes(const Evaluation& e, std::string& text) {
  const ClassificationScore& score = *e.classes;
  const Interval interval = wilson_interval(score.correct, score.samples);
  add(text, "accuracy   {:.2f} %  (95 % interval {:.2f} to {:.2f} %)\n", 100 * score.accuracy, 100 * interval.low,
      100 * interval.high);
  if (e.roc)
    add(text, "ROC area   {:.5f}{}\nBrier      {}\n", e.roc->area,
        e.roc->is_exact
            ? ""
            : fmt::format("  (approximate, error at most {:.2g}, because of the number of samples)", e.roc->error),
        format_number(e.brier));
  constexpr std::size_t most = 50;
  if (score.classes.size() <= most)
    add(text, "\n{}", class_table(score, e.class_names));
  else
    add(text, "{} classes: use --json or --out for the table of all\n", score.classes.size());
}

void add_calibration(const Evaluation& e, std::string& text) {
  const Calibration& c = *e.calibration;
  add(text, "\ncalibration error (ECE, {} bins) {:.4f}, maximum of the bins {:.4f}; mean confidence {:.2f} %\n",
      c.bins.size(), c.ece, c.mce, 100 * c.confidence);
  add(text, "{:>15}{:>13}{:>12}{:>11}\n", "confidence", "samples", "mean", "accuracy");
  for (const CalibrationBin& bin : c.bins) {
    if (bin.count == 0) continue;
    add(text, "{:>15}{:>13}{:>11.2f}%{:>10.2f}%\n", fmt::format("{:.3f}-{:.3f}", bin.low, bin.high),
        format_count(bin.count), 100 * bin.confidence, 100 * bin.accuracy);
  }
  if (!e.temperature) return;
  const TemperatureFit& t = *e.temperature;
  add(text,
      "temperature scaling with {:.4f}: ECE from {:.4f} to {:.4f}, negative log-likelihood from {} to {} (fitted on {} "
      "samples)\n",
      t.temperature, t.ece_before, t.ece_after, format_number(t.nll_before), format_number(t.nll_after),
      format_count(t.samples));
}

void add_confusion(const Evaluation& e, std::string& text) {
  const ClassificationScore& score = *e.classes;
  constexpr std::size_t most = 12;
  const std::size_t classes = score.classes.size();
  if (score.confusion.empty() || classes > most) return;
  std::vector<std::string> labels;
  std::size_t width = 5;
  for (std::size_t k = 0; k < classes; ++k) {
    labels.push_back(label(static_cast<double>(k), e.class_names));
    width = std::max(width, display_width(labels.back()));
  }
  std::size_t cell = 6;
  for (std::int64_t count : score.confusion) cell = std::max(cell, fmt::formatted_size("{}", count) + 1);
  add(text, "\nconfusion (rows: true, columns: predicted, in the same order)\n");
  for (std::size_t k = 0; k < classes; ++k) {
    add(text, "{}{}", labels[k], std::string(width - display_width(labels[k]), ' '));
    for (std::size_t j = 0; j < classes; ++j) add(text, "{:>{}}", score.confused(k, j), cell);
    add(text, "\n");
  }
}

void add_regression(const Evaluation& e, std::string& text) {
  const RegressionScore& r = *e.regression;
  if (e.left_out.residuals > 0)
    add(text, "\n{} errors that are not finite are excluded from this table:", format_count(e.left_out.residuals));
  add(text, "\n{:<28}{:>12}\n", "metric", "value");
  const std::pair<const char*, double> rows[] = {{"mean squared error", r.mse},
                                                 {"root mean squared error", r.rmse},
                                                 {"mean absolute error", r.mae},
                                                 {"bias", r.bias},
                                                 {"R2 (variance explained)", r.r2},
                                                 {"residual, 25 %", e.residuals.lower_quartile},
                                                 {"residual, median", e.residuals.median},
                                                 {"residual, 75 %", e.residuals.upper_quartile},
                                                 {"residual, 95 %", e.residuals.p95},
                                                 {"residual, 99 %", e.residuals.p99}};
  for (const auto& [name, value] : rows) add(text, "{:<28}{:>12}\n", name, format_number(value));
}

void add_hardest(const Evaluation& e, std::string& text) {
  if (e.hardest.empty()) return;
  const bool has_values = e.kind != Kind::losses_only;
  add(text, "\nhardest samples (rows are counted from 0, without the header)\n{:>12}{}{:>12}{}\n", "row",
      e.units_per_row > 1 ? "  column" : "", "loss", has_values ? "  predicted / true" : "");
  for (const HardSample& sample : e.hardest) {
    const Place place = place_of(e, sample);
    const auto value = [&](double v) { return e.classes ? label(v, e.class_names) : format_number(v); };
    add(text, "{:>12}{}{:>12}{}\n", place.row, e.units_per_row > 1 ? fmt::format("{:>8}", place.column) : "",
        format_number(sample.loss),
        has_values ? fmt::format("  {} / {}", value(sample.predicted), value(sample.truth)) : "");
  }
}

}  // namespace

std::string to_text(const Evaluation& e) {
  std::string text;
  add_losses(e, text);
  if (e.classes) {
    add_classes(e, text);
    add_calibration(e, text);
    add_confusion(e, text);
  }
  if (e.regression) add_regression(e, text);
  add_hardest(e, text);
  return text;
}

}  // namespace perdita::evaluate
