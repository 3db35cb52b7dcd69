// Quality scores of labels: the lower, the more likely is the label wrong.
#pragma once

#include <string_view>
#include <vector>

#include "perdita/evaluate/labeled_probabilities.hpp"

namespace perdita::evaluate {

/// The scores of cleanlab, with the same names. All are in [0, 1].
enum class QualityScore {
  self_confidence,             ///< the probability p of the given label
  normalized_margin,           ///< (p - the largest probability of the other classes + 1) / 2
  confidence_weighted_entropy  ///< log(1 + e) / e of e = entropy / (log(classes) p), with p at least 1e-6. If one class
                               ///< has all the probability, the limit: 1 if it is the label (0 in cleanlab), otherwise
                               ///< 0
};

/// "self_confidence", "normalized_margin", ...
std::string_view name_of(QualityScore score);
/// Throws ValueError that lists the names.
QualityScore parse_quality_score(std::string_view name);

/// One score per row, computed in T.
template <class T>
std::vector<T> label_quality(const LabeledProbabilities<T>& data, QualityScore score);

}  // namespace perdita::evaluate
