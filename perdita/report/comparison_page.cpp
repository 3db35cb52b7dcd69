#include "perdita/report/comparison_page.hpp"

#include <fmt/format.h>

#include <cmath>

#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/chart.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {

namespace {

using namespace evaluate;

/// The candidate with the best mean of a metric.
std::size_t winner(const ComparisonResults& results, std::size_t metric) {
  std::size_t best = 0;
  const double sign = results.metrics[metric].more_is_better ? 1 : -1;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t e = 0; e < results.candidates.size(); ++e) {
    const Summary spread = spread_of(results.candidates[e], metric);
    if (spread.count == 0 || !(sign * spread.mean > most)) continue;
    best = e, most = sign * spread.mean;
  }
  return best;
}

/// The cell of the first metric without its mark.
std::string spread_only(const ComparisonResults& results, std::size_t candidate) {
  const std::string text = cell(results, candidate, 0);
  return text.substr(0, text.find(" *"));
}

std::string lead(const ComparisonPage& page) {
  return fmt::format(
      "Perdita trained the same network on <code>{}</code> with {} losses, starting from the same weights and using "
      "the same batches.",
      escape(page.data), page.results.candidates.size());
}

/// Which loss is best, and whether the difference is significant; empty if all runs failed.
std::string conclusion(const ComparisonResults& c) {
  if (c.metrics.empty() || spread_of(c.candidates[winner(c, 0)], 0).count == 0) return {};
  const std::size_t best = winner(c, 0);
  std::string text = fmt::format("The best loss by {} is <b>{}</b> with <b>{}</b>", escape(c.metrics[0].title),
                                 escape(c.candidates[best].name), escape(spread_only(c, best)));
  const auto d = best == 0 ? std::nullopt : difference(c, best, 0);
  if (d) {
    const double scale = c.metrics[0].is_share ? 100 : 1;
    const char* unit = c.metrics[0].is_share ? " points" : "";
    const bool excludes_zero = d->interval.low > 0 || d->interval.high < 0;
    text += fmt::format(
        "; its difference from {} is {}{} (95 % confidence interval of this difference alone: {} to {}), which is "
        "{}{}{}",
        escape(c.candidates[0].name), format_number(scale * d->mean), unit, format_number(scale * d->interval.low),
        format_number(scale * d->interval.high), d->is_noise ? "not significant" : "significant",
        d->of_samples ? " given the variation between test samples" : " given the variation between seeds",
        d->is_noise && excludes_zero
            ? fmt::format(", corrected for the {} comparisons that were made (Holm's method)", c.candidates.size() - 1)
            : "");
  }
  return fmt::format(
      "<section class=\"diagnosis {}\" aria-labelledby=\"h-result\"><h2 id=\"h-result\">Result</h2>"
      "<p>{}.</p></section>\n",
      d && !d->is_noise ? "well" : "unknown", text);
}

/// A name that may break behind its colons, commas and equals signs.
std::string breakable(const std::string& name) {
  std::string text;
  for (char c : escape(name)) {
    text += c;
    if (c == ':' || c == ',' || c == '=') text += "<wbr>";
  }
  return text;
}

/// "84.49 ± 0.16 % *" as two lines: the mean with the mark, and below it the spread.
std::string stacked(std::string cell) {
  const std::string_view mark = cell.ends_with(" *") ? " *" : "";
  cell.resize(cell.size() - mark.size());
  const std::size_t at = cell.find(" ±");
  const std::string mean = escape(cell.substr(0, at)) + (mark.empty() ? "" : "&nbsp;*");
  if (at == cell.npos) return mean;
  std::string spread;
  for (char c : escape(cell.substr(at + 1))) c == ' ' ? spread.append("&nbsp;") : spread.append(1, c);
  return mean + "<br><small>" + spread + "</small>";
}

std::string table(const ComparisonResults& c) {
  std::string text =
      "<div class=\"scroll\"><table class=\"dense\"><caption>Metrics on the test samples: mean and standard deviation "
      "over the seeds. Bold: the best mean.</caption><thead><tr><th scope=\"col\" class=\"text\">loss</th>";
  for (const Metric& metric : c.metrics) text += fmt::format("<th scope=\"col\">{}</th>", escape(metric.title));
  text += "</tr></thead><tbody>\n";
  for (std::size_t e = 0; e < c.candidates.size(); ++e) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", breakable(c.candidates[e].name));
    for (std::size_t m = 0; m < c.metrics.size(); ++m) {
      const std::string shown = stacked(cell(c, e, m));
      const bool is_best = !c.metrics[m].is_cost && winner(c, m) == e && shown != "–";
      text += is_best ? "<td><strong>" + shown + "</strong></td>" : "<td>" + shown + "</td>";
    }
    text += "</tr>\n";
  }
  text += "</tbody></table></div>\n";
  for (const std::string& note : notes(c)) text += "<p class=\"note\">" + escape(note) + "</p>\n";
  return text;
}

/// The first metric, a row for each loss.
DotChart result_chart(const ComparisonResults& c) {
  const Metric& metric = c.metrics.front();
  DotChart chart{.title = metric.title + " by loss",
                 .description = fmt::format("Dots: one per seed. Diamond: their mean. Bar: its 95 % confidence "
                                            "interval. {} is better.",
                                            metric.more_is_better ? "Further right" : "Further left"),
                 .x_label = metric.title,
                 .rows = {},
                 .percent = metric.is_share,
                 .id = "results"};
  for (const CandidateResults& candidate : c.candidates) {
    DotRow row{.name = candidate.name, .values = {}};
    for (const RunResult& run : candidate.runs) {
      if (!run.values.empty()) row.values.push_back(run.values.front());
    }
    chart.rows.push_back(std::move(row));
  }
  return chart;
}

std::string result_section(const ComparisonResults& c) {
  if (c.metrics.empty()) return {};
  const DotChart chart = result_chart(c);
  return figure(dot_chart(chart, Placement::page), "", escape(chart.description)) + table(c);
}

/// The training curve of each loss, in one small chart per loss.
std::string curve_section(const ComparisonPage& page) {
  std::string text;
  for (std::size_t e = 0; e < page.histories.size() && e < page.results.candidates.size(); ++e) {
    const std::string& name = page.results.candidates[e].name;
    LineChart chart{.title = "Loss by epoch: " + name,
                    .description = {},
                    .x_label = "epoch",
                    .y_label = "loss",
                    .series = {},
                    .id = fmt::format("curves-{}", e),
                    .whole_x = true,
                    .width = 350,
                    .height = 240};
    for (const auto& [key, series] : {std::pair{"train_loss", "training"}, std::pair{"val_loss", "validation"}}) {
      Curve curve = evaluate::curve(page.histories[e], "epoch", key);
      if (curve.x.empty()) continue;
      chart.description += fmt::format("{}The {} loss goes from {} to {}.", chart.series.empty() ? "" : " ", series,
                                       format_number(curve.y.front()), format_number(curve.y.back()));
      chart.series.push_back({.name = series, .x = std::move(curve.x), .y = std::move(curve.y)});
    }
    if (chart.series.empty()) continue;
    text += "<figure><h3>" + breakable(name) + "</h3>" + line_chart(chart, Placement::page) + values_of(chart) +
            "</figure>\n";
  }
  if (text.empty()) return text;
  return "<p class=\"note\">The curves of the first seed, each in terms of its own loss: compare their shapes, not "
         "their values.</p>\n<div class=\"pairs\">\n" +
         text + "</div>\n";
}

/// Of each class of the comparison, the mean over the seeds; empty where all failed.
std::vector<double> mean_recalls(const ComparisonResults& c, const CandidateResults& candidate) {
  std::vector<double> sums(c.class_names.size());
  double count = 0;
  for (const RunResult& run : candidate.runs) {
    if (run.recalls.size() != sums.size()) continue;
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += run.recalls[k];
    ++count;
  }
  for (double& sum : sums) sum /= count;
  return count == 0 ? std::vector<double>() : sums;
}

/// Of the first loss and of the one that is ahead; no series where all their runs failed.
LineChart recall_chart(const ComparisonResults& c) {
  LineChart chart{.title = "Recall by class",
                  .description =
                      "Recall of each class, ordered by decreasing number of training samples, for the first loss and "
                      "the most accurate one.",
                  .x_label = "class, by decreasing number of training samples",
                  .y_label = "recall",
                  .series = {},
                  .id = "recall",
                  .whole_x = true};
  std::vector<std::size_t> shown{0};
  if (winner(c, 0) != 0) shown.push_back(winner(c, 0));
  for (std::size_t e : shown) {
    Series series{.name = c.candidates[e].name, .x = {}, .y = mean_recalls(c, c.candidates[e])};
    for (std::size_t k = 0; k < series.y.size(); ++k) series.x.push_back(static_cast<double>(k + 1));
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

std::string recall_section(const ComparisonResults& c) {
  if (c.class_names.empty() || c.class_names.size() > most_classes_in_detail) return {};
  const LineChart chart = recall_chart(c);
  std::string text = chart.series.empty()
                         ? ""
                         : figure(line_chart(chart, Placement::page), values_of(chart), escape(chart.description));
  text +=
      "<div class=\"scroll\"><table class=\"dense\"><caption>Recall in per cent, means over the "
      "seeds.</caption><thead><tr><th scope=\"col\" class=\"text\">class</th>";
  std::vector<std::vector<double>> columns;
  for (const CandidateResults& candidate : c.candidates) {
    columns.push_back(mean_recalls(c, candidate));
    text += "<th scope=\"col\">" + breakable(candidate.name) + "</th>";
  }
  text += "</tr></thead><tbody>\n";
  for (std::size_t k = 0; k < c.class_names.size(); ++k) {
    text += fmt::format("<tr><th scope=\"row\">{} {}</th>", k + 1, escape(c.class_names[k]));
    for (const auto& column : columns) {
      text += column.empty() ? std::string("<td>–</td>") : fmt::format("<td>{:.1f}</td>", 100 * column[k]);
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string html(const ComparisonPage& page) {
  const ComparisonResults& c = page.results;
  return open_page("Comparison", escape("Losses compared on " + page.data)) + conclusion(c) + "<p class=\"lead\">" +
         lead(page) + "</p>\n</header>\n<main>\n" +
         sections({{"results", "Results", result_section(c)},
                   {"recall", "Recall by class", recall_section(c)},
                   {"curves", "Loss curves", curve_section(page)},
                   {"again", "How to repeat it", repeat_section(page.command, page.configuration)}}) +
         close_page(version());
}

void write_report(const ComparisonPage& page, const std::filesystem::path& folder, const ChartFiles& files) {
  const ComparisonResults& c = page.results;
  write_file_atomically(folder / "report.html", html(page));
  if (c.metrics.empty() || (!files.svg && !files.png)) return;
  write_chart(dot_chart(result_chart(c), Placement::file), folder / "results", files);
  if (c.class_names.empty() || c.class_names.size() > most_classes_in_detail) return;
  const LineChart recall = recall_chart(c);
  if (!recall.series.empty()) write_chart(line_chart(recall, Placement::file), folder / "recall", files);
}

}  // namespace perdita::report
