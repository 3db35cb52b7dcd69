#include "perdita/report/evaluation_page.hpp"

#include <fmt/format.h>

#include <cmath>

#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {
namespace {
using namespace evaluate;
using evaluate::format_count;

std::string lead(const EvaluationPage& page) {
  const Evaluation& e = page.evaluation;
  std::string text = fmt::format(
      "Perdita compared the predictions in <code>{}</code> with the targets in <code>{}</code> by "
      "the loss <code>{}</code>. On {} samples its {}mean is <strong>{}</strong>",
      escape(page.predictions), escape(page.targets), escape(e.loss), format_count(e.losses.count),
      e.weighted ? "weighted " : "", format_number(e.losses.mean));
  if (e.losses.count > 1)
    text += fmt::format(" (95 % interval: {} to {})", format_number(e.interval.low), format_number(e.interval.high));
  if (e.classes)
    text += fmt::format("; <strong>{:.2f} %</strong> of them are classified correctly", 100 * e.classes->accuracy);
  if (e.regression && !std::isnan(e.regression->r2))
    text += fmt::format("; the predictions explain <strong>{:.1f} %</strong> of the targets' variance",
                        100 * e.regression->r2);
  text += ".";
  const LeftOut& out = e.left_out;
  if (out.ignored > 0) text += fmt::format(" {} samples are ignored.", format_count(out.ignored));
  if (out.nan + out.infinite > 0) {
    text += fmt::format(" {} losses are not finite ({} NaN, {} infinite; the first in row {}) and are left out.",
                        format_count(out.nan + out.infinite), format_count(out.nan), format_count(out.infinite),
                        out.first / e.units_per_row);
  }
  return text;
}

std::string tiles(const Evaluation& e) {
  std::string text = tile("Mean loss", format_number(e.losses.mean),
                          fmt::format("95 %: {} to {}", format_number(e.interval.low), format_number(e.interval.high)));
  text += tile("Median loss", format_number(e.losses.median),
               fmt::format("99 %: {}, largest: {}", format_number(e.losses.p99), format_number(e.losses.max)));
  if (e.classes) {
    const evaluate::Interval i = wilson_interval(e.classes->correct, e.classes->samples);
    text += tile("Accuracy", fmt::format("{:.2f} %", 100 * e.classes->accuracy),
                 fmt::format("95 %: {:.2f} to {:.2f} %", 100 * i.low, 100 * i.high));
    text += tile("Balanced accuracy", fmt::format("{:.2f} %", 100 * e.classes->balanced_accuracy),
                 "mean recall of the classes");
  }
  if (e.calibration)
    text += tile(
        "Calibration error", number(e.calibration->ece, 4),
        fmt::format("ECE, {} bins; largest of a bin {}", e.calibration->bins.size(), number(e.calibration->mce, 3)));
  if (e.roc) {
    text += tile("Area under the ROC curve", number(e.roc->area, 4), "a positive ranks above a negative");
    text += tile("Brier score", number(e.brier, 4), "mean square error of the probability");
  }
  if (e.regression) {
    text += tile("Root mean square error", format_number(e.regression->rmse), "in the target's unit");
    text += tile("Mean absolute error", format_number(e.regression->mae),
                 fmt::format("bias {}", format_number(e.regression->bias)));
    text += tile("R²", number(e.regression->r2, 4), "share of variance explained");
  }
  return "<dl class=\"facts\">\n" + text + "</dl>\n";
}

std::string calibration_section(const Evaluation& e) {
  if (!e.calibration) return {};
  LineChart chart = reliability_chart(*e.calibration);
  chart.id = "reliability";
  std::string text = "<section aria-labelledby=\"h-calibration\"><h2 id=\"h-calibration\">Calibration</h2>\n<figure>" +
                     line_chart(chart, Placement::page) +
                     "<figcaption>Where the points lie below the diagonal, the model is surer than it is right."
                     "</figcaption></figure>\n";
  if (const auto& t = e.temperature) {
    text += fmt::format(
        "<p>Dividing the logits by a temperature of <strong>{:.4f}</strong> would mend it: on the {} samples "
        "it was fitted on, the calibration error goes from {} to {} and the negative log-likelihood from {} "
        "to {}. The predicted classes stay the same.</p>\n",
        t->temperature, format_count(t->samples), number(t->ece_before, 4), number(t->ece_after, 4),
        format_number(t->nll_before), format_number(t->nll_after));
  }
  text +=
      "<div class=\"scroll\"><table><caption>The bins of the diagram.</caption><thead><tr><th scope=\"col\" "
      "class=\"text\">confidence</th><th scope=\"col\">samples</th><th scope=\"col\">mean confidence</th>"
      "<th scope=\"col\">accuracy</th></tr></thead><tbody>\n";
  for (const CalibrationBin& bin : e.calibration->bins) {
    text += fmt::format("<tr><th scope=\"row\">{:.3f} to {:.3f}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n", bin.low,
                        bin.high, format_count(bin.count), number(bin.confidence, 4), number(bin.accuracy, 4));
  }
  return text + "</tbody></table></div></section>\n";
}

std::string distribution_section(const Evaluation& e) {
  const Summary& s = e.losses;
  DistributionChart linear{
      .title = "Distribution of the loss",
      .description =
          fmt::format("Half of the losses lie between {} and {}; the median is {}.", format_number(s.lower_quartile),
                      format_number(s.upper_quartile), format_number(s.median)),
      .x_label = "loss",
      .histogram = e.histogram,
      .markers = {{s.mean, "mean " + format_number(s.mean)}, {s.median, "median " + format_number(s.median)}},
      .id = "distribution-linear"};
  std::string caption = escape(linear.description);
  if (e.histogram.above > 0)
    caption += fmt::format(" {} samples lie to the right of the linear axis.", format_count(e.histogram.above));
  std::string text = "<section aria-labelledby=\"h-dist\"><h2 id=\"h-dist\">Distribution of the loss</h2>\n";
  const std::string svg = distribution_chart(linear, Placement::page);
  if (e.log_histogram.counts.empty())
    return text + "<figure>" + svg + "<figcaption>" + caption + "</figcaption></figure></section>\n";
  DistributionChart logarithmic = linear;
  logarithmic.histogram = e.log_histogram, logarithmic.log_x = true, logarithmic.id = "distribution-log";
  text += two_scales(svg, distribution_chart(logarithmic, Placement::page), "", "logarithmic axis", caption,
                     prefers_log(s));
  return text + "</section>\n";
}

std::string hardest_section(const Evaluation& e, const std::vector<std::string>& names) {
  if (e.hardest.empty()) return {};
  const bool has_values = e.kind != Kind::losses_only, has_columns = e.units_per_row > 1;
  std::string text =
      "<section aria-labelledby=\"h-hard\"><h2 id=\"h-hard\">Hardest samples</h2>\n<p class=\"note\">The samples with "
      "the largest loss, by their row counted from 0. Look at them: some may be labelled wrongly.</p>\n"
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"text\">row</th>";
  if (has_columns) text += "<th scope=\"col\">column</th>";
  text += "<th scope=\"col\">loss</th>";
  if (has_values) text += "<th scope=\"col\">predicted</th><th scope=\"col\">true</th>";
  text += "</tr></thead><tbody>\n";
  for (const HardSample& sample : e.hardest) {
    const Place place = place_of(e, sample);
    const auto value = [&](double v) {
      return e.classes ? escape(names[static_cast<std::size_t>(v)]) : format_number(v);
    };
    text += fmt::format("<tr><th scope=\"row\">{}</th>", place.row);
    if (has_columns) text += fmt::format("<td>{}</td>", place.column);
    text += fmt::format("<td>{}</td>", format_number(sample.loss));
    if (has_values) text += fmt::format("<td>{}</td><td>{}</td>", value(sample.predicted), value(sample.truth));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div></section>\n";
}

}  // namespace

LineChart reliability_chart(const Calibration& calibration) {
  LineChart chart{.title = "Reliability diagram",
                  .description = fmt::format("Accuracy over confidence. The expected calibration error is {:.4f}.",
                                             calibration.ece),
                  .x_label = "confidence",
                  .y_label = "accuracy",
                  .series = {{.name = "perfect", .x = {0, 1}, .y = {0, 1}, .points = false}}};
  Series measured{.name = "measured", .x = {}, .y = {}};
  for (const CalibrationBin& bin : calibration.bins) {
    if (bin.count == 0) continue;
    measured.x.push_back(bin.confidence);
    measured.y.push_back(bin.accuracy);
  }
  chart.series.push_back(std::move(measured));
  return chart;
}

std::string html(const EvaluationPage& page) {
  const Evaluation& e = page.evaluation;
  std::vector<std::string> names = e.class_names;
  for (std::size_t k = 0; e.classes && e.class_names.empty() && k < e.classes->classes.size(); ++k)
    names.push_back(std::to_string(k));
  std::string text = open_page(escape("Evaluation of " + page.predictions));
  text += "<p class=\"lead\">" + lead(page) + "</p>\n";
  for (const std::string& warning : e.warnings)
    text += "<p class=\"lead\"><strong>Warning:</strong> " + escape(warning) + ".</p>\n";
  text += "</header>\n<main>\n" + tiles(e) + distribution_section(e) + calibration_section(e);
  if (e.classes) text += class_section(*e.classes, names, e.losses.mean);
  return text + hardest_section(e, names) + close_page(version(), "");
}

void write_evaluation(const EvaluationPage& page, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "evaluation.json", evaluate::to_json(page.evaluation) + "\n");
  write_file_atomically(folder / "report.html", html(page));
}

}  // namespace perdita::report
