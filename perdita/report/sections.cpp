#include "perdita/report/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/report/chart.hpp"
#include "perdita/report/page.hpp"

namespace perdita::report {
namespace {

template <class Chart>
std::string drawn_twice(Chart chart, std::string (*draw)(const Chart&, Placement)) {
  const std::string wide = draw(chart, Placement::page);
  chart.id += "-narrow";
  chart.width = 350;
  chart.height = 120 + chart.height * 9 / 20;
  return "<div class=\"wide\">" + wide + "</div><div class=\"narrow\">" + draw(chart, Placement::page) + "</div>";
}

}  // namespace

std::string two_sizes(const LineChart& chart) { return drawn_twice(chart, line_chart); }
std::string two_sizes(const DistributionChart& chart) { return drawn_twice(chart, distribution_chart); }

std::string open_page(std::string_view kind, std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{1} – Perdita "
      "report</title>\n"
      "<link rel=\"icon\" href=\"data:,\">\n<style>\n{2}{3}</style>\n</head>\n<body>\n<header>\n<p class=\"kind\">{0}"
      "</p>\n<h1>{1}</h1>\n",
      kind, title, chart_css(), page_css());
}

std::string close_page(std::string_view version) {
  return fmt::format(
      "<footer>Written by Perdita {}. This file is complete: it needs no network.</footer>\n</main>\n"
      "<script>\n{}</script>\n</body>\n</html>\n",
      escape(version), page_script());
}

std::string sections(const std::vector<Section>& all) {
  std::string links, text;
  for (const Section& section : all) {
    if (section.body.empty()) continue;
    links += fmt::format("<li><a href=\"#h-{}\">{}</a></li>", section.id, section.title);
    text += fmt::format("<section aria-labelledby=\"h-{0}\"><h2 id=\"h-{0}\">{1}</h2>\n{2}</section>\n", section.id,
                        section.title, section.body);
  }
  if (text.empty()) return text;
  return "<nav aria-label=\"Sections\"><ul>" + links +
         "</ul></nav>\n<p class=\"hint note\" hidden>Point at a chart to read its values, or Tab to it and use the "
         "arrow keys.</p>\n" +
         text;
}

std::string number(double v, int places) { return std::isnan(v) ? "–" : fmt::format("{:.{}f}", v, places); }

std::string tile(std::string_view name, std::string_view value, std::string_view detail) {
  return fmt::format("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>\n", name, value, detail);
}

std::string figure(std::string_view svg, std::string_view values, std::string_view caption) {
  return fmt::format("<figure>\n<div>{}</div>{}<figcaption>{}</figcaption>\n</figure>\n", svg, values, caption);
}

std::string figure(const TwoScales& both) {
  return fmt::format(
      "<figure class=\"scale\">\n<div class=\"controls\">{}<label><input type=\"checkbox\"{}> {}</label>"
      "</div>\n<div class=\"log-off\">{}</div><div class=\"log-on\">{}</div>\n"
      "{}<figcaption>{}</figcaption>\n</figure>\n",
      both.control, both.starts_logarithmic ? " checked" : "", both.label, both.linear, both.logarithmic, both.values,
      both.caption);
}

std::string repeat_section(std::string_view command,
                           const std::vector<std::pair<std::string, std::string>>& configuration) {
  std::string text;
  if (!command.empty()) text = "<p>This command does it again:</p>\n<pre><code>" + escape(command) + "</code></pre>\n";
  if (configuration.empty()) return text;
  text +=
      "<div class=\"scroll\"><table><caption>Every option, with the values that were chosen for those not "
      "given.</caption><thead><tr><th scope=\"col\" class=\"text\">option</th><th scope=\"col\" "
      "class=\"text\">value</th></tr></thead><tbody>\n";
  for (const auto& [key, value] : configuration) {
    text += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td></tr>\n", escape(key), escape(value));
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace perdita::report
