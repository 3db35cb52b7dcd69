#include "perdita/evaluate/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {

double area_under_roc(std::span<const double> scores, const std::vector<bool>& is_positive) {
  if (scores.size() != is_positive.size()) {
    fail<ShapeError>("area_under_roc: there are {} scores and {} labels (valid: the same number)", scores.size(),
                     is_positive.size());
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) fail<ValueError>("area_under_roc: score[{}] is nan (valid: numbers)", i);
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  // For each group of equal scores, its positives beat all negatives before it, and half of its own.
  double beaten = 0, negatives = 0, positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    double own_negatives = 0, own_positives = 0;
    const double score = scores[order[begin]];
    for (; begin < order.size() && scores[order[begin]] == score; ++begin) {
      ++(is_positive[order[begin]] ? own_positives : own_negatives);
    }
    beaten += own_positives * (negatives + own_negatives / 2);
    negatives += own_negatives, positives += own_positives;
  }
  if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  return beaten / (positives * negatives);
}

}  // namespace perdita::evaluate
