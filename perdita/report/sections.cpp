#include "perdita/report/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/chart.hpp"
#include "perdita/report/page.hpp"

namespace perdita::report {
using evaluate::ClassificationScore;
using evaluate::format_count;

std::string open_page(std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0} – Perdita "
      "report</title>\n"
      "<link rel=\"icon\" href=\"data:,\">\n<style>\n{1}{2}</style>\n</head>\n<body>\n<header><h1>{0}</h1>\n",
      title, chart_css(), page_css());
}

std::string close_page(std::string_view version, std::string_view script) {
  std::string text = fmt::format("<footer>Written by Perdita {}.</footer>\n</main>\n", escape(version));
  if (!script.empty()) text += fmt::format("<script>\n{}</script>\n", script);
  return text + "</body>\n</html>\n";
}

std::string number(double v, int places) { return std::isnan(v) ? "–" : fmt::format("{:.{}f}", v, places); }

std::string tile(std::string_view name, std::string_view value, std::string_view detail) {
  return fmt::format("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>\n", name, value, detail);
}

std::string two_scales(const std::string& linear, const std::string& logarithmic, std::string_view control,
                       std::string_view label, std::string_view caption, bool is_checked) {
  return fmt::format(
      "<figure class=\"scale\">\n<div class=\"controls\">{}<label><input type=\"checkbox\"{}> {}</label>"
      "</div>\n<div class=\"log-off\">{}</div><div class=\"log-on\">{}</div>\n"
      "<figcaption>{}</figcaption>\n</figure>\n",
      control, is_checked ? " checked" : "", label, linear, logarithmic, caption);
}

std::string class_section(const ClassificationScore& score, const std::vector<std::string>& names, double mean_loss) {
  std::string text =
      "<section aria-labelledby=\"h-classes\"><h2 id=\"h-classes\">Classes</h2>\n<div class=\"scroll\"><table>"
      "<caption>Precision: of the samples given to the class, the share that belongs to it. Recall: of the samples "
      "that belong to it, the share that was given to it.</caption>\n<thead><tr><th scope=\"col\" "
      "class=\"text\">class</th>"
      "<th scope=\"col\">samples</th><th scope=\"col\">mean loss</th><th scope=\"col\">precision</th>"
      "<th scope=\"col\">recall</th><th scope=\"col\">F1</th></tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < score.classes.size(); ++k) {
    const evaluate::ClassScore& c = score.classes[k];
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escape(names[k]), format_count(c.support), number(c.mean_loss, 4), number(c.precision, 3),
                        number(c.recall, 3), number(c.f1, 3));
  }
  text += fmt::format(
      "</tbody><tfoot><tr><th scope=\"row\">all (mean of the classes)</th><td>{}</td><td>{}</td>"
      "<td></td><td>{}</td><td>{}</td></tr></tfoot></table></div>\n",
      format_count(score.samples), number(mean_loss, 4), number(score.balanced_accuracy, 3), number(score.macro_f1, 3));
  if (names.size() > most_classes_in_detail || score.confusion.empty()) return text + "</section>\n";
  text +=
      "</section>\n<section aria-labelledby=\"h-confusion\"><h2 id=\"h-confusion\">Confusion</h2>\n"
      "<div class=\"scroll\"><table class=\"confusion\"><caption>Rows: the true class. Columns: the class that "
      "was predicted.</caption>\n"
      "<thead><tr><td></td>";
  for (const std::string& name : names) text += fmt::format("<th scope=\"col\">{}</th>", escape(name));
  text += "</tr></thead><tbody>\n";
  for (std::size_t row = 0; row < names.size(); ++row) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", escape(names[row]));
    for (std::size_t col = 0; col < names.size(); ++col) {
      const std::int64_t count = score.confused(row, col);
      const std::int64_t support = std::max<std::int64_t>(1, score.classes[row].support);
      const double share = static_cast<double>(count) / static_cast<double>(support);
      text += fmt::format("<td class=\"{}{}\" style=\"--v:{:.2f}\">{}</td>", row == col ? "same" : "miss",
                          share > 0.55 ? " deep" : "", count == 0 ? 0.0 : 0.05 + 0.95 * share, count);
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div></section>\n";
}

}  // namespace perdita::report
