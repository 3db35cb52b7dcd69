#include "perdita/evaluate/label_issues.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <span>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/evaluate/label_quality.hpp"

namespace perdita::evaluate {

namespace {

using Rows = std::vector<std::int64_t>;
using Flags = std::vector<std::uint8_t>;

constexpr std::array<std::string_view, 6> names{"prune_by_noise_rate", "prune_by_class",      "both",
                                                "confident_learning",  "low_self_confidence", "low_normalized_margin"};

/// The rows with each label, in order.
template <class T>
std::vector<Rows> rows_by_label(const LabeledProbabilities<T>& data) {
  std::vector<Rows> rows(static_cast<std::size_t>(data.classes));
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k].reserve(static_cast<std::size_t>(data.class_counts[k]));
  for (std::int64_t row = 0; row < data.rows; ++row) rows[static_cast<std::size_t>(data.label(row))].push_back(row);
  return rows;
}

/// Of each label [given][likely] the number of rows to take: the calibrated joint, with at least one row of each label
/// on the diagonal. A row for it is taken from the other counts of the label, in equal parts.
JointCounts counts_to_take(const JointCounts& calibrated) {
  const std::int64_t classes = calibrated.classes();
  std::vector<double> taken(static_cast<std::size_t>(classes));
  JointCounts counts = calibrated;
  for (std::int64_t given = 0; given < classes; ++given) {
    if (calibrated.at(given, given) > 0) continue;
    std::int64_t nonzero = 0;
    for (std::int64_t likely = 0; likely < classes; ++likely) nonzero += calibrated.at(given, likely) != 0;
    taken[static_cast<std::size_t>(given)] = 1.0 / static_cast<double>(std::max<std::int64_t>(nonzero - 1, 1));
    counts.at(given, given) = 1;
  }
  // The remaining fractions are rounded such that the sums over the labels stay.
  std::vector<double> of_class(static_cast<std::size_t>(classes));
  for (std::int64_t likely = 0; likely < classes; ++likely) {
    for (std::int64_t given = 0; given < classes; ++given) {
      const auto count = static_cast<double>(counts.at(given, likely));
      of_class[static_cast<std::size_t>(given)] =
          given == likely ? count : std::max(0.0, count - taken[static_cast<std::size_t>(given)]);
    }
    round_with_sum(of_class);
    for (std::int64_t given = 0; given < classes; ++given)
      counts.at(given, likely) = static_cast<std::int64_t>(of_class[static_cast<std::size_t>(given)]);
  }
  return counts;
}

template <class T>
struct RankedRow {
  T score;
  std::int64_t row;
  /// Lower scores first, equal ones in the order of the rows.
  friend bool operator<(const RankedRow& a, const RankedRow& b) {
    return a.score < b.score || (a.score == b.score && a.row < b.row);
  }
};

/// The first `count` in unspecified order.
template <class T>
std::span<const RankedRow<T>> lowest(std::vector<RankedRow<T>>& rows, std::int64_t count) {
  count = std::clamp<std::int64_t>(count, 0, std::ssize(rows));
  std::nth_element(rows.begin(), rows.begin() + count, rows.end());
  return std::span(rows).first(static_cast<std::size_t>(count));
}

template <class T, class Body>
void for_each_class(const LabeledProbabilities<T>& data, const Body& body) {
  if (data.parts > 1) return parallel_for(data.classes, body);
  for (std::int64_t k = 0; k < data.classes; ++k) body(k);
}

/// A class that is more probable than the label of a row, by p[likely] - p[label].
template <class T>
struct PositiveMargin {
  T margin;
  std::int32_t likely;
  std::int64_t row;
};

/// The positive margins of the rows of each label, [part][label]. In this order memory is read from front to back.
template <class T>
std::vector<std::vector<PositiveMargin<T>>> positive_margins(const LabeledProbabilities<T>& data) {
  std::vector<std::vector<PositiveMargin<T>>> found(static_cast<std::size_t>(data.parts * data.classes));
  parallel_for(data.parts, [&](std::int64_t part) {
    for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row) {
      if (!data.contradicts(row)) continue;
      const T* const p = data.row(row);
      const T given = p[data.label(row)];
      auto& of_label = found[static_cast<std::size_t>(part * data.classes + data.label(row))];
      for (std::int32_t k = 0; k < static_cast<std::int32_t>(data.classes); ++k) {
        if (p[k] - given > LabeledProbabilities<T>::tie) of_label.push_back({p[k] - given, k, row});
      }
    }
  });
  return found;
}

/// The rows of one label by their margins.
template <class T>
class LabelMargins {
 public:
  LabelMargins(const LabeledProbabilities<T>& data, std::int64_t label,
               const std::vector<std::vector<PositiveMargin<T>>>& positive)
      : data_(data), label_(label), positive_(static_cast<std::size_t>(data.classes)) {
    for (std::int64_t part = 0; part < data.parts; ++part) {
      for (const PositiveMargin<T>& one : positive[static_cast<std::size_t>(part * data.classes + label)])
        positive_[static_cast<std::size_t>(one.likely)].push_back({-one.margin, one.row});
    }
  }

  /// Marks the contradicted ones of the `count` rows with the largest margins. Usually these are positive, and only
  /// contradicted rows have positive margins; otherwise all rows of the label are read.
  void mark_largest(std::int64_t likely, std::int64_t count, Flags& issues) {
    std::vector<RankedRow<T>>& ranked = positive_[static_cast<std::size_t>(likely)];
    const bool are_positive = std::ssize(ranked) >= count;
    if (!are_positive) {
      ranked.clear();
      for (const std::int64_t row : all_rows())
        ranked.push_back({data_.row(row)[label_] - data_.row(row)[likely], row});
    }
    for (const RankedRow<T>& one : lowest(ranked, count)) {
      if (are_positive || data_.contradicts(one.row)) issues[static_cast<std::size_t>(one.row)] = 1;
    }
  }

 private:
  const Rows& all_rows() {
    if (!rows_.empty()) return rows_;
    for (std::int64_t row = 0; row < data_.rows; ++row) {
      if (data_.label(row) == label_) rows_.push_back(row);
    }
    return rows_;
  }

  const LabeledProbabilities<T>& data_;
  std::int64_t label_;
  std::vector<std::vector<RankedRow<T>>> positive_;  // by likely class
  Rows rows_;
};

template <class T>
Flags pruned_by_noise_rate(const LabeledProbabilities<T>& data, const ConfidentJoint& joint) {
  Flags issues(data.labels.size());
  const JointCounts counts = counts_to_take(joint.calibrated);
  const auto positive = positive_margins(data);
  for_each_class(data, [&](std::int64_t given) {
    if (data.class_counts[static_cast<std::size_t>(given)] == 0) return;
    LabelMargins<T> margins(data, given, positive);
    for (std::int64_t likely = 0; likely < data.classes; ++likely) {
      const std::int64_t count = counts.at(given, likely);
      if (likely != given && count > 0) margins.mark_largest(likely, count, issues);
    }
  });
  return issues;
}

template <class T>
Flags pruned_by_class(const LabeledProbabilities<T>& data, const ConfidentJoint& joint) {
  Flags issues(data.labels.size());
  const std::vector<Rows> of_label = rows_by_label(data);
  for_each_class(data, [&](std::int64_t k) {
    std::vector<RankedRow<T>> ranked;
    for (const std::int64_t row : of_label[static_cast<std::size_t>(k)]) ranked.push_back({data.row(row)[k], row});
    const std::int64_t count = std::ssize(ranked) - std::max<std::int64_t>(joint.calibrated.at(k, k), 1);
    for (const RankedRow<T>& one : lowest(ranked, count)) {
      if (data.contradicts(one.row)) issues[static_cast<std::size_t>(one.row)] = 1;
    }
  });
  return issues;
}

template <class T>
Flags confidently_other(const LabeledProbabilities<T>& data, const ConfidentJoint& joint) {
  Flags issues(data.labels.size());
  for (std::int64_t row = 0; row < data.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    issues[at] = joint.confident[at] >= 0 && joint.confident[at] != data.labels[at] && data.contradicts(row);
  }
  return issues;
}

template <class T>
Flags with_lowest_scores(const std::vector<T>& scores, std::int64_t count) {
  std::vector<RankedRow<T>> ranked;
  ranked.reserve(scores.size());
  for (const T score : scores) ranked.push_back({score, std::ssize(ranked)});
  Flags issues(scores.size());
  for (const RankedRow<T>& one : lowest(ranked, count)) issues[static_cast<std::size_t>(one.row)] = 1;
  return issues;
}

}  // namespace

std::string_view name_of(IssueFilter filter) { return names[static_cast<std::size_t>(filter)]; }

IssueFilter parse_issue_filter(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    fail<ValueError>("audit: filter is '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
  return static_cast<IssueFilter>(found - names.begin());
}

template <class T>
std::vector<std::uint8_t> label_issues(const LabeledProbabilities<T>& data, const ConfidentJoint& joint,
                                       IssueFilter filter) {
  const auto confident_count = [&] {
    const Flags issues = confidently_other(data, joint);
    return std::accumulate(issues.begin(), issues.end(), std::int64_t{0});
  };
  switch (filter) {
    case IssueFilter::prune_by_noise_rate:
      return pruned_by_noise_rate(data, joint);
    case IssueFilter::prune_by_class:
      return pruned_by_class(data, joint);
    case IssueFilter::both: {
      Flags issues = pruned_by_noise_rate(data, joint);
      const Flags others = pruned_by_class(data, joint);
      std::ranges::transform(issues, others, issues.begin(), std::bit_and());
      return issues;
    }
    case IssueFilter::confident_learning:
      return confidently_other(data, joint);
    case IssueFilter::low_self_confidence:
      return with_lowest_scores(label_quality(data, QualityScore::self_confidence), confident_count());
    case IssueFilter::low_normalized_margin:
      return with_lowest_scores(label_quality(data, QualityScore::normalized_margin), confident_count());
  }
  return {};
}

template std::vector<std::uint8_t> label_issues(const LabeledProbabilities<float>&, const ConfidentJoint&, IssueFilter);
template std::vector<std::uint8_t> label_issues(const LabeledProbabilities<double>&, const ConfidentJoint&,
                                                IssueFilter);

}  // namespace perdita::evaluate
