#include "perdita/report/class_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {
namespace {
using evaluate::ClassificationScore;
using evaluate::format_count;
using evaluate::format_number;

/// 0, 1, ... n - 1.
std::vector<std::size_t> places(std::size_t n) {
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::string score_rows(const ClassificationScore& score, const std::vector<std::string>& names,
                       std::span<const std::size_t> shown) {
  std::string text =
      "<thead><tr><th scope=\"col\" class=\"text\">class</th><th scope=\"col\">samples</th><th scope=\"col\">mean "
      "loss</th><th scope=\"col\">precision</th><th scope=\"col\">recall</th><th scope=\"col\">F1</th></tr></thead>\n"
      "<tbody>\n";
  for (std::size_t k : shown) {
    const evaluate::ClassScore& c = score.classes[k];
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escape(names[k]), format_count(c.support), number(c.mean_loss, 4), number(c.precision, 3),
                        number(c.recall, 3), number(c.f1, 3));
  }
  return text + "</tbody>";
}

/// The deeper the colour, the larger the share of the row. Between ink that is dark enough and white ink that is light
/// enough there is a gap, which the shades leap over.
std::string cell(const ClassificationScore& score, const std::vector<std::string>& names, std::size_t row,
                 std::size_t col) {
  const std::int64_t count = score.confused(row, col), support = score.classes[row].support;
  const double share = support > 0 ? static_cast<double>(count) / static_cast<double>(support) : 0;
  const bool is_deep = share > 0.55;
  const double shade = count == 0 ? 0 : is_deep ? 0.87 + 0.13 * (share - 0.55) / 0.45 : 0.05 + share;
  return fmt::format(
      "<td class=\"{}{}\" style=\"--v:{:.2f}\" title=\"{} predicted as {}: {} of {} ({:.1f} %)\">{}</td>",
      row == col ? "same" : "miss", is_deep ? " deep" : "", shade, escape(names[row]), escape(names[col]),
      format_count(count), format_count(support), 100 * share, count);
}

std::string matrix(const ClassificationScore& score, const std::vector<std::string>& names) {
  std::string text =
      "<div class=\"scroll\"><table class=\"confusion\"><caption>Rows: true class. Columns: predicted "
      "class. Correct predictions are on the diagonal.</caption>\n<thead><tr><td></td>";
  for (const std::string& name : names) text += fmt::format("<th scope=\"col\">{}</th>", escape(name));
  text += "</tr></thead><tbody>\n";
  for (std::size_t row = 0; row < names.size(); ++row) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", escape(names[row]));
    for (std::size_t col = 0; col < names.size(); ++col) {
      text += cell(score, names, row, col);
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string mistakes(const ClassificationScore& score, const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::vector<std::size_t> cells;
  for (std::size_t at : places(score.confusion.size())) {
    if (score.confusion[at] > 0 && at / names.size() != at % names.size()) cells.push_back(at);
  }
  const std::size_t count = std::min(most, cells.size());
  std::partial_sort(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(count), cells.end(),
                    [&](std::size_t a, std::size_t b) {
                      const auto left = score.confusion[a], right = score.confusion[b];
                      return left != right ? left > right : a < b;
                    });
  if (count == 0) return {};
  std::string text = fmt::format(
      "<div class=\"scroll\"><table><caption>The {} most frequent confusions among {} classes.</caption><thead><tr><th "
      "scope=\"col\" class=\"text\">true class</th><th scope=\"col\" class=\"text\">predicted class</th><th "
      "scope=\"col\">samples</th><th scope=\"col\">share of the class</th></tr></thead><tbody>\n",
      count, format_count(std::ssize(names)));
  for (std::size_t at : std::span(cells).first(count)) {
    const std::size_t truth = at / names.size();
    const double share = static_cast<double>(score.confusion[at]) / static_cast<double>(score.classes[truth].support);
    text += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td><td>{}</td><td>{:.1f} %</td></tr>\n",
                        escape(names[truth]), escape(names[at % names.size()]), format_count(score.confusion[at]),
                        100 * share);
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string class_multiples(const std::vector<DistributionChart>& charts, std::size_t classes, std::string_view note) {
  if (charts.empty()) return {};
  std::string text = "<h3>By class</h3>\n<p class=\"note\">";
  if (charts.size() < classes) {
    text += fmt::format("The {} classes with the largest mean loss, out of {}. ", charts.size(),
                        format_count(static_cast<long long>(classes)));
  }
  text += fmt::format(
      "All charts have the same horizontal axis; larger losses are further right. The dashed line is the median of the "
      "class.{}</p>\n"
      "<div class=\"multiples\">\n",
      note);
  for (const DistributionChart& chart : charts) {
    text += fmt::format("<div><h4>{}</h4>{}</div>\n", escape(chart.title), distribution_chart(chart, Placement::page));
  }
  return text + "</div>\n";
}

std::string class_table(const ClassificationScore& score, const std::vector<std::string>& names) {
  const std::string about =
      "Precision: share of the samples predicted as the class that belong to it. Recall: share of the samples of the "
      "class that are predicted as it. F1: harmonic mean of precision and recall.";
  const std::string total = fmt::format(
      "<tfoot><tr><th scope=\"row\">mean of the classes</th><td>{}</td><td>{}</td><td></td><td>{}</td><td>{}</td>"
      "</tr></tfoot></table></div>\n",
      format_count(score.samples), number(evaluate::mean_class_loss(score), 4), number(score.balanced_accuracy, 3),
      number(score.macro_f1, 3));
  std::vector<std::size_t> all = places(names.size());
  if (names.size() <= most_classes_in_detail) {
    return "<div class=\"scroll\"><table><caption>" + about + "</caption>\n" + score_rows(score, names, all) + total;
  }
  std::vector<std::size_t> worst;
  std::ranges::copy_if(all, std::back_inserter(worst), [&](std::size_t k) { return score.classes[k].support > 0; });
  std::ranges::stable_sort(worst, {}, [&](std::size_t k) { return score.classes[k].recall; });
  worst.resize(std::min(worst.size(), most_classes_in_detail));
  return fmt::format("<div class=\"scroll\"><table><caption>The {} classes with the lowest recall. {}</caption>\n",
                     worst.size(), about) +
         score_rows(score, names, worst) + total +
         fmt::format(
             "<details><summary>All {} classes</summary><div class=\"scroll\"><table><caption>In "
             "the order of the data.</caption>\n",
             format_count(std::ssize(names))) +
         score_rows(score, names, all) + "</table></div></details>\n";
}

std::string confusion_section(const ClassificationScore& score, const std::vector<std::string>& names) {
  if (score.confusion.empty()) return {};
  return names.size() > most_classes_in_detail ? mistakes(score, names) : matrix(score, names);
}

std::string weights_section(const ClassWeights& w, const std::vector<std::string>& names) {
  const auto weight = [&](std::size_t k) { return w.weights.empty() ? 1.0 : w.weights[k]; };
  std::vector<std::size_t> shown = places(names.size());
  double samples = 0, total = 0;
  for (std::size_t k : shown) {
    samples += static_cast<double>(w.samples[k]);
    total += weight(k) * static_cast<double>(w.samples[k]);
  }
  std::string text =
      w.weights.empty()
          ? std::string("<p>No class weights: all training samples have the same weight in the loss.</p>\n")
          : fmt::format(
                "<p>Class weights: <code>{}</code>. Each sample has the weight of its class in the "
                "loss.</p>\n",
                escape(w.how));
  if (!w.note.empty()) text += "<p>" + escape(w.note) + "</p>\n";
  const auto [least, largest] = std::ranges::minmax(w.samples);
  if (w.weights.empty() && least == largest) {
    return text + fmt::format("<p class=\"note\">Each class has {} training samples.</p>\n", format_count(least));
  }
  std::string caption =
      "Share of the loss: number of samples of the class times its weight, divided by the sum of this over all "
      "classes.";
  if (shown.size() > most_classes_in_detail) {
    std::ranges::stable_sort(shown, std::greater<>(), [&](std::size_t k) { return w.samples[k]; });
    shown.erase(shown.begin() + most_classes_in_detail / 2, shown.end() - most_classes_in_detail / 2);
    caption += fmt::format(" The {0} largest and the {0} smallest classes.", most_classes_in_detail / 2);
  }
  text += "<div class=\"scroll\"><table class=\"weights\"><caption>" + caption +
          "</caption><thead><tr><th scope=\"col\" class=\"text\">class</th><th scope=\"col\">training samples</th><th "
          "scope=\"col\">weight</th><th scope=\"col\">share of samples</th><th scope=\"col\">share of the "
          "loss</th></tr></thead><tbody>\n";
  const auto bar = [](double part, double whole) {
    const double share = whole > 0 ? part / whole : 0;
    return fmt::format("<td class=\"share\" style=\"--v:{:.4f}\">{:.2f} %</td>", share, 100 * share);
  };
  for (std::size_t k : shown) {
    const auto own = static_cast<double>(w.samples[k]);
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}{}</tr>\n", escape(names[k]),
                        format_count(w.samples[k]), format_number(weight(k)), bar(own, samples),
                        bar(weight(k) * own, total));
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace perdita::report
