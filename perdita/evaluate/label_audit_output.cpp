#include "perdita/evaluate/label_audit_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {

namespace {

using Json = nlohmann::ordered_json;

// The limit of evaluation.json: matrices have the square of it as their size.
constexpr std::int64_t most_matrix_classes = 512;

template <class... Args>
void add(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

std::string name_of_class(const LabelAudit& audit, std::int64_t k) {
  return audit.class_names.empty() ? std::to_string(k) : audit.class_names[static_cast<std::size_t>(k)];
}

/// Left-aligned in a column of at least `width`.
std::string padded(const std::string& text, std::size_t width) {
  const std::string shown = printable(text);
  const std::size_t used = display_width(shown);
  return shown + std::string(width > used ? width - used : 0, ' ');
}

std::size_t width_of_names(const LabelAudit& audit) {
  std::size_t width = 9;  // of the heading
  for (std::size_t k = 0; k < audit.classes.size(); ++k)
    width = std::max(width, display_width(printable(name_of_class(audit, static_cast<std::int64_t>(k)))));
  return std::min<std::size_t>(width, 24);
}

void add_summary(const LabelAudit& audit, std::string& text) {
  const NoiseRate& noise = audit.noise_rate;
  add(text, "noise rate {:.2f} %  (95 % interval {:.2f} to {:.2f} %)\n", 100 * noise.value, 100 * noise.interval.low,
      100 * noise.interval.high);
  add(text, "rows       {}, of which {} have a confident class\n", format_count(audit.rows),
      format_count(audit.confident_rows));
  add(text, "issues     {} labels are probably wrong ({})\n", format_count(audit.issues), name_of(audit.filter));
}

void add_classes(const LabelAudit& audit, std::string& text) {
  constexpr std::size_t most = 10;
  std::vector<std::size_t> order(audit.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t k) { return audit.classes[k].rows == 0; });
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t k) { return audit.classes[k].noise_rate; });
  const std::size_t shown = std::min(order.size(), most), width = width_of_names(audit);
  add(text, "\n{} {:>12} {:>12} {:>12} {:>12}\n", padded("label", width), "rows", "issues", "noise rate", "threshold");
  for (const std::size_t k : std::span(order).first(shown)) {
    const AuditedClass& of = audit.classes[k];
    add(text, "{} {:>12} {:>12} {:>10.2f} % {:>12.4f}\n",
        padded(name_of_class(audit, static_cast<std::int64_t>(k)), width), format_count(of.rows),
        format_count(of.issues), 100 * of.noise_rate, of.threshold);
  }
  if (shown < order.size()) add(text, "{} more labels have lower noise rates\n", order.size() - shown);
}

void add_overlaps(const LabelAudit& audit, std::string& text) {
  constexpr std::size_t most = 5;
  const std::size_t shown = std::min(audit.overlaps.size(), most), width = width_of_names(audit);
  if (shown == 0) return;
  add(text, "\nclasses that overlap (estimated numbers of rows)\n{} {} {:>24} {:>24}\n", padded("first", width),
      padded("second", width), "first labeled as second", "second labeled as first");
  for (const ClassOverlap& overlap : std::span(audit.overlaps).first(shown)) {
    add(text, "{} {} {:>24} {:>24}\n", padded(name_of_class(audit, overlap.first), width),
        padded(name_of_class(audit, overlap.second), width), format_count(overlap.first_labeled_second),
        format_count(overlap.second_labeled_first));
  }
}

void add_rows(const LabelAudit& audit, std::string& text) {
  constexpr std::size_t most = 10;
  const std::size_t shown = std::min(audit.ranking.size(), most), width = width_of_names(audit);
  if (shown == 0) return;
  add(text, "\nlowest scores (rows are counted from 0, without the header)\n{:>12} {} {} {:>12} {:>12} {:>10}\n", "row",
      padded("label", width), padded("suggested", width), "P(label)", "P(suggest.)", "score");
  for (const AuditedRow& row : std::span(audit.ranking).first(shown)) {
    add(text, "{:>12} {} {} {:>12.6f} {:>12.6f} {:>10.6f}\n", row.row, padded(name_of_class(audit, row.given), width),
        padded(name_of_class(audit, row.suggested), width), row.given_probability, row.suggested_probability,
        row.score);
  }
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <class Of>
Json matrix_of(std::int64_t classes, const Of& of) {
  Json rows = Json::array();
  for (std::int64_t given = 0; given < classes; ++given) {
    Json row = Json::array();
    for (std::int64_t likely = 0; likely < classes; ++likely) row.push_back(of(given, likely));
    rows.push_back(std::move(row));
  }
  return rows;
}

void add_matrices(const LabelAudit& audit, Json& object) {
  const std::int64_t classes = std::ssize(audit.classes);
  if (classes > most_matrix_classes) return;
  const std::vector<double> noise = noise_matrix(audit.calibrated_joint);
  object["confident_joint"] = matrix_of(classes, [&](auto g, auto l) { return audit.confident_joint.at(g, l); });
  object["calibrated_joint"] = matrix_of(classes, [&](auto g, auto l) { return audit.calibrated_joint.at(g, l); });
  object["noise_matrix"] =
      matrix_of(classes, [&](auto g, auto l) { return number(noise[static_cast<std::size_t>(g * classes + l)]); });
}

void add_ranking(const LabelAudit& audit, Json& object) {
  object["ranking"] = Json::array();
  for (const AuditedRow& row : audit.ranking) {
    object["ranking"].push_back({{"row", row.row},
                                 {"given", row.given},
                                 {"suggested", row.suggested},
                                 {"given_probability", number(row.given_probability)},
                                 {"suggested_probability", number(row.suggested_probability)},
                                 {"score", number(row.score)},
                                 {"issue", row.is_issue}});
  }
}

}  // namespace

std::string to_text(const LabelAudit& audit) {
  std::string text;
  add_summary(audit, text);
  add_classes(audit, text);
  add_overlaps(audit, text);
  add_rows(audit, text);
  return text;
}

std::string to_json(const LabelAudit& audit, bool with_ranking) {
  Json object{{"rows", audit.rows},
              {"filter", name_of(audit.filter)},
              {"score", name_of(audit.score)},
              {"issues", audit.issues},
              {"confident_rows", audit.confident_rows},
              {"estimated_errors", audit.estimated_errors},
              {"noise_rate", audit.noise_rate.value},
              {"noise_rate_interval", {audit.noise_rate.interval.low, audit.noise_rate.interval.high}}};
  object["classes"] = Json::array();
  for (std::size_t k = 0; k < audit.classes.size(); ++k) {
    const AuditedClass& of = audit.classes[k];
    object["classes"].push_back({{"name", name_of_class(audit, static_cast<std::int64_t>(k))},
                                 {"rows", of.rows},
                                 {"issues", of.issues},
                                 {"threshold", number(of.threshold)},
                                 {"noise_rate", number(of.noise_rate)}});
  }
  object["overlaps"] = Json::array();
  for (const ClassOverlap& overlap : audit.overlaps) {
    object["overlaps"].push_back({{"first", overlap.first},
                                  {"second", overlap.second},
                                  {"first_labeled_second", overlap.first_labeled_second},
                                  {"second_labeled_first", overlap.second_labeled_first}});
  }
  add_matrices(audit, object);
  if (with_ranking) add_ranking(audit, object);
  object["warnings"] = audit.warnings;
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string to_csv(const LabelAudit& audit) {
  std::string text = "row,given,suggested,given_probability,suggested_probability,score,issue\n";
  for (const AuditedRow& row : audit.ranking) {
    add(text, "{},{},{},{:.6g},{:.6g},{:.6g},{}\n", row.row, csv_field(name_of_class(audit, row.given)),
        csv_field(name_of_class(audit, row.suggested)), row.given_probability, row.suggested_probability, row.score,
        row.is_issue ? 1 : 0);
  }
  return text;
}

}  // namespace perdita::evaluate
