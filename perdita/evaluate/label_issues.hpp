// Sets of rows whose labels are probably wrong.
#pragma once

#include <string_view>
#include <vector>

#include "perdita/evaluate/confident_joint.hpp"
#include "perdita/evaluate/labeled_probabilities.hpp"

namespace perdita::evaluate {

/// The rules of cleanlab's find_label_issues, with the same names. A row whose label is the predicted class is in no
/// set except the last two.
enum class IssueFilter {
  prune_by_noise_rate,   ///< of each label and likely class as many rows as the calibrated joint has, those with the
                         ///< largest differences of the two probabilities
  prune_by_class,        ///< of each label as many rows as the calibrated joint has off the diagonal, those with the
                         ///< lowest probabilities of the label
  both,                  ///< rows in both sets
  confident_learning,    ///< rows whose confident class is not the label
  low_self_confidence,   ///< the rows with the lowest scores, as many as confident_learning has
  low_normalized_margin  ///< the same with another score
};

/// "prune_by_noise_rate", "both", ...
std::string_view name_of(IssueFilter filter);
/// Throws ValueError that lists the names.
IssueFilter parse_issue_filter(std::string_view name);

/// Of each row 1 if it is in the set. Among rows with equal numbers at the border of a set, the first are taken.
template <class T>
std::vector<std::uint8_t> label_issues(const LabeledProbabilities<T>& data, const ConfidentJoint& joint,
                                       IssueFilter filter);

}  // namespace perdita::evaluate
