#include "perdita/report/contest_page.hpp"

#include <fmt/format.h>

#include <cmath>

#include "perdita/core/version.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/chart.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {

namespace {

using namespace evaluate;

/// The entry with the best mean of a metric.
std::size_t winner(const Contest& contest, std::size_t metric) {
  std::size_t best = 0;
  const double sign = contest.metrics[metric].more_is_better ? 1 : -1;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t e = 0; e < contest.entries.size(); ++e) {
    const Summary spread = spread_of(contest.entries[e], metric);
    if (spread.count == 0 || !(sign * spread.mean > most)) continue;
    best = e, most = sign * spread.mean;
  }
  return best;
}

/// The cell of the first metric without its mark.
std::string spread_only(const Contest& contest, std::size_t entry) {
  const std::string text = cell(contest, entry, 0);
  return text.substr(0, text.find(" *"));
}

std::string lead(const ContestPage& page) {
  const Contest& c = page.contest;
  std::string text = fmt::format(
      "Perdita trained the same network on <code>{}</code> with {} losses, from the same weights and on the same "
      "batches.",
      escape(page.data), c.entries.size());
  if (c.metrics.empty() || spread_of(c.entries[winner(c, 0)], 0).count == 0) return text;
  const std::size_t best = winner(c, 0);
  text += fmt::format(" By {}, <strong>{}</strong> is ahead with <strong>{}</strong>", escape(c.metrics[0].title),
                      escape(c.entries[best].name), escape(spread_only(c, best)));
  if (best == 0) return text + ".";
  const auto d = difference(c, best, 0);
  if (!d) return text + ".";
  const double scale = c.metrics[0].is_share ? 100 : 1;
  const char* unit = c.metrics[0].is_share ? " points" : "";
  text += fmt::format("; its difference to {} is {}{} (95 % interval: {} to {}), which is {} {}.",
                      escape(c.entries[0].name), format_number(scale * d->mean), unit,
                      format_number(scale * d->interval.low), format_number(scale * d->interval.high),
                      d->is_noise ? "not more than" : "more than",
                      d->of_samples ? "the noise of the test samples" : "noise");
  return text;
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

std::string table(const Contest& c) {
  std::string text =
      "<section aria-labelledby=\"h-results\"><h2 id=\"h-results\">Results on the test samples</h2>\n"
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"text\">loss</th>";
  for (const Metric& metric : c.metrics) text += fmt::format("<th scope=\"col\">{}</th>", escape(metric.title));
  text += "</tr></thead><tbody>\n";
  for (std::size_t e = 0; e < c.entries.size(); ++e) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", breakable(c.entries[e].name));
    for (std::size_t m = 0; m < c.metrics.size(); ++m) {
      const std::string shown = stacked(cell(c, e, m));
      const bool is_best = !c.metrics[m].is_cost && winner(c, m) == e && shown != "–";
      text += is_best ? "<td><strong>" + shown + "</strong></td>" : "<td>" + shown + "</td>";
    }
    text += "</tr>\n";
  }
  text += "</tbody></table></div>\n<p class=\"note\">Bold: the best mean.</p>\n";
  for (const std::string& note : notes(c)) text += "<p class=\"note\">" + escape(note) + "</p>\n";
  return text + "</section>\n";
}

/// Of each class of the contest, the mean over the seeds; empty where all failed.
std::vector<double> mean_recalls(const Contest& c, const Entry& entry) {
  std::vector<double> sums(c.class_names.size());
  double count = 0;
  for (const Trial& trial : entry.trials) {
    if (trial.recalls.size() != sums.size()) continue;
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += trial.recalls[k];
    ++count;
  }
  for (double& sum : sums) sum /= count;
  return count == 0 ? std::vector<double>() : sums;
}

std::string recall_chart(const Contest& c) {
  LineChart chart{.title = "Recall by class",
                  .description =
                      "Share of the test samples of each class that were found, the class with most "
                      "training samples first: the first loss, and the most accurate one.",
                  .x_label = "class, by its training samples",
                  .y_label = "recall",
                  .series = {},
                  .id = "recall"};
  std::vector<std::size_t> shown{0};
  if (winner(c, 0) != 0) shown.push_back(winner(c, 0));
  for (std::size_t e : shown) {
    Series series{.name = c.entries[e].name, .x = {}, .y = mean_recalls(c, c.entries[e])};
    for (std::size_t k = 0; k < series.y.size(); ++k) series.x.push_back(static_cast<double>(k + 1));
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return {};
  return "<figure>" + line_chart(chart, Placement::page) + "<figcaption>" + escape(chart.description) +
         "</figcaption></figure>\n";
}

std::string recall_section(const Contest& c) {
  if (c.class_names.empty() || c.class_names.size() > most_classes_in_detail) return {};
  std::string text = "<section aria-labelledby=\"h-recall\"><h2 id=\"h-recall\">Recall by class</h2>\n" +
                     recall_chart(c) +
                     "<div class=\"scroll\"><table><caption>In per cent, means over the seeds.</caption><thead><tr>"
                     "<th scope=\"col\" class=\"text\">class</th>";
  std::vector<std::vector<double>> columns;
  for (const Entry& entry : c.entries) {
    columns.push_back(mean_recalls(c, entry));
    text += "<th scope=\"col\">" + breakable(entry.name) + "</th>";
  }
  text += "</tr></thead><tbody>\n";
  for (std::size_t k = 0; k < c.class_names.size(); ++k) {
    text += fmt::format("<tr><th scope=\"row\">{} {}</th>", k + 1, escape(c.class_names[k]));
    for (const auto& column : columns) {
      text += column.empty() ? std::string("<td>–</td>") : fmt::format("<td>{:.1f}</td>", 100 * column[k]);
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div></section>\n";
}

std::string how_section(const ContestPage& page) {
  std::string text =
      "<section aria-labelledby=\"h-how\"><h2 id=\"h-how\">How it was made</h2>\n<p>The same again:</p><pre><code>" +
      escape(page.command) + "</code></pre>\n<div class=\"scroll\"><table><tbody>\n";
  for (const auto& [name, value] : page.configuration) {
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value));
  }
  return text + "</tbody></table></div></section>\n";
}

}  // namespace

std::string html(const ContestPage& page) {
  return open_page(escape("Losses compared on " + page.data)) + "<p class=\"lead\">" + lead(page) +
         "</p>\n</header>\n<main>\n" + table(page.contest) + recall_section(page.contest) + how_section(page) +
         close_page(version(), "");
}

}  // namespace perdita::report
