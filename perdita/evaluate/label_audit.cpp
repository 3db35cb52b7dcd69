#include "perdita/evaluate/label_audit.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::evaluate {

namespace {

void check(const NamedArray& scores, const AuditOptions& options) {
  if (options.top && *options.top < 0) fail<ValueError>("audit: top is {} (valid: 0 or more)", *options.top);
  const Shape& shape = scores.array.shape;
  const auto names = std::ssize(options.class_names);
  if (names > 0 && shape.rank() == 2 && names != shape[1])
    fail<ValueError>("audit: there are {} names for {} classes (valid: one per class, or none)", names, shape[1]);
}

/// A warning about labels without rows.
std::string empty_classes(const std::vector<std::int64_t>& class_counts, const std::vector<std::string>& names) {
  constexpr int most_named = 5;
  std::string list;
  int count = 0;
  for (std::size_t k = 0; k < class_counts.size(); ++k) {
    if (class_counts[k] > 0 || ++count > most_named) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", names.empty() ? std::to_string(k) : names[k]);
  }
  if (count == 0) return {};
  return fmt::format("no row has the label {}{}: errors with rows of {} are not found", list,
                     count > most_named ? fmt::format(" and {} others", count - most_named) : "",
                     count == 1 ? "this class" : "these classes");
}

std::vector<AuditedClass> classes_of(const ConfidentJoint& joint, const std::vector<std::int64_t>& class_counts) {
  std::vector<AuditedClass> classes(class_counts.size());
  for (std::size_t k = 0; k < classes.size(); ++k) {
    AuditedClass& of = classes[k];
    of.rows = class_counts[k];
    const bool has_rows = of.rows > 0;
    const auto at = static_cast<std::int64_t>(k);
    of.threshold = has_rows ? joint.thresholds[k] : std::numeric_limits<double>::quiet_NaN();
    of.noise_rate =
        has_rows ? 1 - static_cast<double>(joint.counts.at(at, at)) / static_cast<double>(joint.counts.of_label(at))
                 : std::numeric_limits<double>::quiet_NaN();
  }
  return classes;
}

std::vector<ClassOverlap> overlaps_of(const JointCounts& joint) {
  std::vector<ClassOverlap> overlaps;
  for (std::int64_t a = 0; a < joint.classes(); ++a) {
    for (std::int64_t b = a + 1; b < joint.classes(); ++b) {
      if (joint.at(a, b) + joint.at(b, a) > 0) overlaps.push_back({a, b, joint.at(a, b), joint.at(b, a)});
    }
  }
  std::ranges::stable_sort(overlaps, std::ranges::greater(),
                           [](const ClassOverlap& o) { return o.second_labeled_first + o.first_labeled_second; });
  overlaps.resize(std::min(overlaps.size(), LabelAudit::most_overlaps));
  return overlaps;
}

struct ScoredRow {
  double score;
  std::int64_t row;
  friend bool operator<(const ScoredRow& a, const ScoredRow& b) {
    return a.score < b.score || (a.score == b.score && a.row < b.row);
  }
};

/// Appends the `count` rows with the lowest scores of those that are in the set, or of those that are not.
void append_ranked(const LabelAudit& audit, bool is_issue, std::int64_t count, std::vector<std::int64_t>& rows) {
  if (count <= 0) return;
  std::vector<ScoredRow> scored;
  scored.reserve(static_cast<std::size_t>(is_issue ? audit.issues : audit.rows - audit.issues));
  for (std::size_t row = 0; row < audit.scores.size(); ++row) {
    if ((audit.is_issue[row] != 0) == is_issue) scored.push_back({audit.scores[row], static_cast<std::int64_t>(row)});
  }
  const auto end = scored.begin() + std::min<std::ptrdiff_t>(count, std::ssize(scored));
  std::nth_element(scored.begin(), end, scored.end());
  std::sort(scored.begin(), end);
  std::transform(scored.begin(), end, std::back_inserter(rows), [](const ScoredRow& one) { return one.row; });
}

/// The first `count` rows of the ranking.
std::vector<std::int64_t> ranked_rows(const LabelAudit& audit, std::int64_t count) {
  std::vector<std::int64_t> rows;
  append_ranked(audit, true, count, rows);
  append_ranked(audit, false, count - std::ssize(rows), rows);
  return rows;
}

template <class T>
void rank(const LabeledProbabilities<T>& data, const AuditOptions& options, LabelAudit& audit) {
  const std::vector<std::int64_t> rows = ranked_rows(audit, options.top.value_or(audit.issues));
  audit.ranking.resize(rows.size());
  constexpr std::int64_t piece = 8192;
  parallel_for((std::ssize(rows) + piece - 1) / piece, [&](std::int64_t part) {
    for (std::int64_t i = part * piece; i < std::min(std::ssize(rows), (part + 1) * piece); ++i) {
      const std::int64_t row = rows[static_cast<std::size_t>(i)];
      const auto at = static_cast<std::size_t>(row);
      const std::int32_t given = data.labels[at], suggested = data.predicted[at];
      const T* const p = data.row(row);
      audit.ranking[static_cast<std::size_t>(i)] = {.row = row,
                                                    .given = given,
                                                    .suggested = suggested,
                                                    .given_probability = static_cast<double>(p[given]),
                                                    .suggested_probability = static_cast<double>(p[suggested]),
                                                    .score = audit.scores[at],
                                                    .is_issue = audit.is_issue[at] != 0};
    }
  });
}

template <class T>
LabelAudit audit_as(const NamedArray& scores, const NamedArray& labels, const AuditOptions& options) {
  LabeledProbabilities<T> data = label_probabilities<T>(scores, labels, options.scale);
  ConfidentJoint joint = confident_joint(data);
  LabelAudit audit{.filter = options.filter,
                   .score = options.score,
                   .rows = data.rows,
                   .noise_rate = noise_rate(joint.counts, data.class_counts),
                   .classes = classes_of(joint, data.class_counts),
                   .class_names = options.class_names,
                   .confident_joint = {},
                   .calibrated_joint = {},
                   .overlaps = overlaps_of(joint.calibrated)};
  audit.is_issue = label_issues(data, joint, options.filter);
  for (std::int64_t row = 0; row < audit.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    const std::int32_t confident = joint.confident[at], label = data.labels[at];
    audit.confident_rows += confident >= 0;
    audit.estimated_errors += confident >= 0 && confident != label && data.contradicts(row);
    audit.issues += audit.is_issue[at];
    audit.classes[static_cast<std::size_t>(label)].issues += audit.is_issue[at];
  }
  const std::vector<T> quality = label_quality(data, options.score);
  audit.scores.assign(quality.begin(), quality.end());
  rank(data, options, audit);
  if (std::string warning = empty_classes(data.class_counts, options.class_names); !warning.empty())
    audit.warnings.push_back(std::move(warning));
  audit.confident_joint = std::move(joint.counts);
  audit.calibrated_joint = std::move(joint.calibrated);
  audit.predicted = std::move(data.predicted);
  return audit;
}

}  // namespace

std::vector<double> noise_matrix(const JointCounts& calibrated) {
  const std::int64_t classes = calibrated.classes();
  std::vector<double> matrix(static_cast<std::size_t>(classes * classes));
  for (std::int64_t likely = 0; likely < classes; ++likely) {
    const auto of_class = static_cast<double>(calibrated.of_class(likely));
    for (std::int64_t given = 0; given < classes; ++given) {
      matrix[static_cast<std::size_t>(given * classes + likely)] =
          of_class > 0 ? static_cast<double>(calibrated.at(given, likely)) / of_class
                       : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return matrix;
}

LabelAudit audit_labels(const NamedArray& scores, const NamedArray& labels, const AuditOptions& options) {
  check(scores, options);
  return scores.array.dtype == DType::float32 ? audit_as<float>(scores, labels, options)
                                              : audit_as<double>(scores, labels, options);
}

}  // namespace perdita::evaluate
