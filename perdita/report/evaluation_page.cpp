#include "perdita/report/evaluation_page.hpp"

#include <fmt/format.h>

#include <cmath>

#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/evaluate/evaluation_json.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/class_sections.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {
namespace {
using namespace evaluate;
using evaluate::format_count;

std::string lead(const EvaluationPage& page) {
  const Evaluation& e = page.evaluation;
  std::string text = fmt::format(
      "Perdita evaluated the predictions in <code>{}</code> for the targets in <code>{}</code> with "
      "the loss <code>{}</code>. On {} samples its {}mean is <strong>{}</strong>",
      escape(page.predictions), escape(page.targets), escape(e.loss),
      e.losses.count == e.counted ? format_count(e.counted)
                                  : fmt::format("{} of {}", format_count(e.losses.count), format_count(e.counted)),
      e.weighted ? "weighted " : "", format_number(e.losses.mean));
  if (e.losses.count > 1)
    text += fmt::format(" (95 % interval: {} to {})", format_number(e.interval.low), format_number(e.interval.high));
  if (e.classes) text += fmt::format("; the accuracy is <strong>{:.2f} %</strong>", 100 * e.classes->accuracy);
  if (e.regression && !std::isnan(e.regression->r2))
    text += fmt::format("; the predictions explain <strong>{:.1f} %</strong> of the variance of the targets",
                        100 * e.regression->r2);
  text += ".";
  const LeftOut& out = e.left_out;
  if (out.ignored > 0) text += fmt::format(" {} samples are ignored.", format_count(out.ignored));
  return text;
}

/// One a class; none for numbers.
std::vector<std::string> names_of(const Evaluation& e) {
  std::vector<std::string> names = e.class_names;
  for (std::size_t k = 0; e.classes && e.class_names.empty() && k < e.classes->classes.size(); ++k)
    names.push_back(std::to_string(k));
  return names;
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
    text += tile("Calibration error", number(e.calibration->ece, 4),
                 fmt::format("ECE, {} bins; maximum {}", e.calibration->bins.size(), number(e.calibration->mce, 3)));
  if (e.roc) {
    text +=
        tile("Area under the ROC curve", number(e.roc->area, 4), "probability that a positive ranks above a negative");
    text += tile("Brier score", number(e.brier, 4), "mean squared error of the probability");
  }
  if (e.regression) {
    text += tile("Root mean squared error", format_number(e.regression->rmse), "in the unit of the targets");
    text += tile("Mean absolute error", format_number(e.regression->mae),
                 fmt::format("bias {}", format_number(e.regression->bias)));
    text += tile("R²", number(e.regression->r2, 4), "share of variance explained");
  }
  return "<dl class=\"facts\">\n" + text + "</dl>\n";
}

DistributionChart distribution(const Evaluation& e, bool log_x) {
  const Summary& s = e.losses;
  DistributionChart chart{
      .title = "Distribution of the loss",
      .description =
          fmt::format("Half of the losses lie between {} and {}; the median is {}.", format_number(s.lower_quartile),
                      format_number(s.upper_quartile), format_number(s.median)),
      .x_label = log_x ? "loss (logarithmic)" : "loss",
      .histogram = log_x ? e.log_histogram : e.histogram,
      .log_x = log_x,
      .markers = {{s.median, "median " + format_number(s.median)}, {s.mean, "mean " + format_number(s.mean)}},
      .id = log_x ? "distribution-log" : "distribution-linear"};
  if (!e.sampled_losses.empty()) chart.density = loss_density(e.sampled_losses, chart.histogram, log_x);
  return chart;
}

/// On the axis of all losses: a sample need not hold the largest.
std::vector<DistributionChart> by_class(const Evaluation& e, const std::vector<std::string>& names) {
  return class_distributions(e.sampled_losses, e.sampled_classes, names, e.losses);
}

std::string distribution_section(const Evaluation& e, const std::vector<std::string>& names) {
  if (e.losses.count == 0) return "<p>No loss is finite.</p>\n";
  const DistributionChart linear = distribution(e, false);
  std::string caption = escape(linear.description) + " Bars: share of the samples.";
  if (!linear.density.x.empty()) caption += " Curve: kernel density estimate.";
  if (e.histogram.above > 0)
    caption += fmt::format(" {} samples are beyond the right end of the linear axis.", format_count(e.histogram.above));
  const std::string svg = two_sizes(linear);
  const std::int64_t sampled = std::ssize(e.sampled_losses);
  const std::string multiples = class_multiples(
      by_class(e, names), names.size(),
      sampled < e.losses.count ? fmt::format(" Based on a random sample of {}.", format_count(sampled)) : "");
  if (e.log_histogram.counts.empty()) return figure(svg, "", caption) + multiples;
  return figure({.linear = svg,
                 .logarithmic = two_sizes(distribution(e, true)),
                 .caption = caption,
                 .starts_logarithmic = prefers_log(e.losses)}) +
         multiples;
}

std::string hardest_section(const Evaluation& e, const std::vector<std::string>& names) {
  if (e.hardest.empty()) return {};
  const bool has_values = e.kind != Kind::losses_only, has_columns = e.units_per_row > 1;
  std::string text =
      "<div class=\"scroll\"><table><caption>The samples with the largest loss. Rows are counted from 0, without the "
      "header. Some of these samples may have a wrong label.</caption><thead><tr><th scope=\"col\" "
      "class=\"text\">row</th>";
  if (has_columns) text += "<th scope=\"col\">column</th>";
  text += "<th scope=\"col\">loss</th>";
  if (has_values) text += "<th scope=\"col\">predicted</th><th scope=\"col\">true</th>";
  text += "</tr></thead><tbody>\n";
  for (const HardSample& sample : e.hardest) {
    const Place place = place_of(e, sample);
    const auto value = [&](double v) -> std::string {
      if (!e.classes) return format_number(v);
      return std::isnan(v) ? "none" : escape(names[static_cast<std::size_t>(v)]);
    };
    text += fmt::format("<tr><th scope=\"row\">{}</th>", place.row);
    if (has_columns) text += fmt::format("<td>{}</td>", place.column);
    text += fmt::format("<td>{}</td>", format_number(sample.loss));
    if (has_values) text += fmt::format("<td>{}</td><td>{}</td>", value(sample.predicted), value(sample.truth));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string html(const EvaluationPage& page) {
  const Evaluation& e = page.evaluation;
  const std::vector<std::string> names = names_of(e);
  std::string text = open_page("Evaluation", escape(page.predictions));
  text += "<p class=\"lead\">" + lead(page) + "</p>\n";
  for (const std::string& warning : e.warnings)
    text += "<p class=\"lead\"><strong>Warning:</strong> " + escape(warning) + ".</p>\n";
  text += "</header>\n<main>\n" + tiles(e);
  std::vector<Section> parts{{"dist", "Distribution of the loss", distribution_section(e, names)}};
  if (e.classes) {
    parts.push_back({"classes", "Classes", report::class_table(*e.classes, names)});
    parts.push_back({"confusion", "Confusion", confusion_section(*e.classes, names)});
  }
  if (e.calibration) {
    parts.push_back(
        {"calibration", "Calibration", calibration_section(*e.calibration, e.temperature ? &*e.temperature : nullptr)});
  }
  parts.push_back({"hard", "Hardest samples", hardest_section(e, names)});
  parts.push_back({"again", "How to reproduce", repeat_section(page.command, {})});
  return text + sections(parts) + close_page(version());
}

void write_evaluation(const EvaluationPage& page, const std::filesystem::path& folder, const ChartFiles& files) {
  const Evaluation& e = page.evaluation;
  const std::string text = to_json(e) + "\n", report = html(page);
  std::filesystem::create_directories(folder);
  AtomicFile json(folder / "evaluation.json"), written(folder / "report.html");
  json.write(text);
  written.write(report);
  json.commit();  // both are on the disk
  written.commit();
  if (!files.svg && !files.png) return;
  const bool log_x = !e.log_histogram.counts.empty() && prefers_log(e.losses);
  if (e.losses.count > 0)
    write_chart(distribution_chart(distribution(e, log_x), Placement::file), folder / "distribution", files);
  if (const auto charts = by_class(e, names_of(e)); !charts.empty()) {
    write_chart(small_multiples("Distribution of the loss by class", charts), folder / "classes", files);
  }
  if (e.calibration) {
    write_chart(line_chart(reliability_chart(*e.calibration), Placement::file), folder / "calibration", files);
  }
}

}  // namespace perdita::report
