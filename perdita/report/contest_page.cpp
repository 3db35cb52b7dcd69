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

std::string lead(const ContestPage& page) {
  const Contest& c = page.contest;
  std::string text = fmt::format(
      "Perdita trained the same network on <code>{}</code> with {} losses, from the same weights and on the same "
      "batches.",
      escape(page.data), c.entries.size());
  if (c.metrics.empty() || spread_of(c.entries[winner(c, 0)], 0).count == 0) return text;
  const std::size_t best = winner(c, 0);
  text += fmt::format(" By {}, <strong>{}</strong> is ahead with <strong>{}</strong>", escape(c.metrics[0].title),
                      escape(c.entries[best].name), escape(cell(c, best, 0)));
  if (best == 0) return text + ".";
  const auto d = difference(c, best, 0);
  if (!d) return text + ".";
  const double scale = c.metrics[0].is_share ? 100 : 1;
  const char* unit = c.metrics[0].is_share ? " points" : "";
  text += fmt::format("; its difference to {} is {}{} (95 % interval: {} to {}), which is {} noise.",
                      escape(c.entries[0].name), format_number(scale * d->mean), unit,
                      format_number(scale * d->interval.low), format_number(scale * d->interval.high),
                      d->is_noise ? "not more than" : "more than");
  return text;
}

std::string table(const Contest& c) {
  std::string text =
      "<section aria-labelledby=\"h-results\"><h2 id=\"h-results\">Results on the test samples</h2>\n"
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"text\">loss</th>";
  for (const Metric& metric : c.metrics) text += fmt::format("<th scope=\"col\">{}</th>", escape(metric.title));
  text += "</tr></thead><tbody>\n";
  for (std::size_t e = 0; e < c.entries.size(); ++e) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", escape(c.entries[e].name));
    for (std::size_t m = 0; m < c.metrics.size(); ++m) {
      const std::string shown = escape(cell(c, e, m));
      const bool is_best = !c.metrics[m].is_cost && winner(c, m) == e && shown != "–";
      text += is_best ? "<td><strong>" + shown + "</strong></td>" : "<td>" + shown + "</td>";
    }
    text += "</tr>\n";
  }
  text += "</tbody></table></div>\n";
  for (const std::string& note : notes(c)) text += "<p class=\"note\">" + escape(note) + "</p>\n";
  return text + "</section>\n";
}

std::string recall_section(const Contest& c) {
  LineChart chart{.title = "Recall by class",
                  .description =
                      "Share of the test samples of each class that were found, the class with most "
                      "training samples first; means over the seeds.",
                  .x_label = "class, by its training samples",
                  .y_label = "recall",
                  .series = {},
                  .id = "recall"};
  for (const Entry& entry : c.entries) {
    Series series{.name = entry.name, .x = {}, .y = {}};
    for (std::size_t k = 0; k < c.class_names.size(); ++k) {
      double sum = 0, count = 0;
      for (const Trial& trial : entry.trials) {
        if (k < trial.recalls.size()) sum += trial.recalls[k], ++count;
      }
      if (count == 0) break;
      series.x.push_back(static_cast<double>(k + 1));
      series.y.push_back(sum / count);
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty() || c.class_names.size() > most_classes_in_detail) return {};
  std::string names;
  for (std::size_t k = 0; k < c.class_names.size(); ++k) {
    names += fmt::format("{}{} {}", k == 0 ? "" : ", ", k + 1, c.class_names[k]);
  }
  return "<section aria-labelledby=\"h-recall\"><h2 id=\"h-recall\">Recall by class</h2>\n<figure>" +
         line_chart(chart, Placement::page) + "<figcaption>" + escape(chart.description + " Classes: " + names + ".") +
         "</figcaption></figure></section>\n";
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
