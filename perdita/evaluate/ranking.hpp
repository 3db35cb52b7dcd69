// Ranking metrics.
#pragma once

#include <span>
#include <vector>

namespace perdita::evaluate {

/// The area under the ROC curve: the share of pairs of a positive and a negative in which the positive has the larger
/// score; a tie counts half (Mann and Whitney, Ann. Math. Statist. 18, 1947). NaN if one class is missing. Throws
/// ShapeError for different lengths, ValueError that names the first NaN.
double area_under_roc(std::span<const double> scores, const std::vector<bool>& is_positive);

}  // namespace perdita::evaluate
