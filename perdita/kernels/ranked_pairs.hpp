// Pairs of the documents of a query: the sum of losses of their differences, with first and second derivatives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

namespace perdita::kernels {

/// The gain of a document, its contribution to the DCG: 2^relevance - 1, or the relevance.
enum class Gains { exponential, linear };

inline double gain_of(double relevance, Gains gains) {
  return gains == Gains::linear ? relevance : std::exp2(relevance) - 1;
}

/// 1 / log2(1 + rank) of a place, counted from 0.
inline double discount_of(std::size_t place) { return 1 / std::log2(2.0 + static_cast<double>(place)); }

/// The sum of gains times discounts of the first k documents.
inline double dcg(std::span<const double> gains, std::int64_t k) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(gains.size(), static_cast<std::size_t>(k)); ++i)
    sum += gains[i] * discount_of(i);
  return sum;
}

/// The documents of one group, from the best score to the worst; equal scores in their order.
struct RankedGroup {
  std::vector<std::int64_t> documents;  ///< places in the group
  std::vector<double> scores, gains, discounts;
  double ideal = 0;  ///< DCG at k of the best order

  /// score_of(i), relevance_of(i): of document i of `count`; scores are not NaN.
  RankedGroup(std::int64_t count, std::int64_t k, Gains how, const auto& score_of, const auto& relevance_of)
      : documents(static_cast<std::size_t>(count)) {
    std::iota(documents.begin(), documents.end(), std::int64_t{0});
    std::stable_sort(documents.begin(), documents.end(),
                     [&](std::int64_t a, std::int64_t b) { return score_of(a) > score_of(b); });
    for (const std::int64_t i : documents) {
      scores.push_back(static_cast<double>(score_of(i)));
      gains.push_back(gain_of(static_cast<double>(relevance_of(i)), how));
      discounts.push_back(discount_of(discounts.size()));
    }
    std::vector<double> best = gains;
    std::sort(best.begin(), best.end(), std::greater{});
    ideal = dcg(best, k);
  }
  std::size_t size() const { return documents.size(); }
};

/// Which pairs of documents of different gain count, and how much.
struct PairOptions {
  double sigma = 1;
  std::int64_t k = 0;       ///< pairs with a document among the k best scores
  bool by_ndcg = false;     ///< whether a pair has the weight |change of the NDCG if it were swapped|, or 1
  bool normalizes = false;  ///< see pair_losses()
};

/// The sum over pairs of documents with gain_i > gain_j of w_ij log(1 + exp(-sigma (s_i - s_j))), where w is constant,
/// and its derivatives with respect to the scores; `curvatures` gets the sum of w_ij sigma^2 p (1 - p) in both
/// documents. Both are in the order of the group and are overwritten. 0 for a group whose ideal DCG is 0.
///
/// normalizes: w_ij is divided by 0.01 + |s_i - s_j| unless all scores of the group are equal, and results are
/// multiplied by log2(1 + L) / L, where L is twice the sum of the absolute derivatives of the pairs.
double pair_losses(const RankedGroup& group, const PairOptions& options, std::vector<double>& slopes,
                   std::vector<double>& curvatures);

/// The weights of pair_losses(): calls visit(place of the better document, of the other one, weight) for each pair,
/// where places are those in the order of the group.
void for_pairs(const RankedGroup& group, const PairOptions& options,
               const std::function<void(std::size_t, std::size_t, double)>& visit);

}  // namespace perdita::kernels
