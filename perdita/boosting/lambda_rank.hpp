// LambdaMART: gradients that push the documents of a query towards a larger NDCG.
#pragma once

#include <cstdint>
#include <span>

#include "perdita/boosting/gradient_pairs.hpp"

namespace perdita::boosting {

/// Options of lambda_rank_pairs().
struct LambdaRankOptions {
  std::int64_t k =
      30;  ///< pairs have at least one document among the k best scores; the ideal DCG is that of k. 1 or more
  double sigma = 1;       ///< of the sigmoid of differences of scores; above 0
  bool normalize = true;  ///< see lambda_rank_pairs()
  double least = 1e-16;   ///< smaller Hessians are replaced by this one, before weights; above 0
};

/// Documents, where those of a group (query) are adjacent.
template <class T, class Out>
struct RankedPairs {
  Strided<const T> scores, relevance;  ///< relevance: 0 or more, finite
  Strided<const T> weights = {};       ///< of the documents, or absent
  Strided<Out> gradient, hessian;
  std::span<const std::int64_t> group_sizes;  ///< their sum is the number of documents
};

/// Gradient and Hessian of the sum over pairs of documents i, j of a group with relevance l_i > l_j
///     w_ij log(1 + exp(-sigma (s_i - s_j))),
///     w_ij = (2^l_i - 2^l_j) |1 / log2(1 + rank_i) - 1 / log2(1 + rank_j)| / (ideal DCG at k),
/// where w is constant. With normalize, w_ij is divided by 0.01 + |s_i - s_j| unless all scores of the group are equal,
/// and results of a group are multiplied by log2(1 + L) / L, where L is twice the sum of the absolute derivatives of
/// the pairs. The Hessian has the sum of w_ij sigma^2 p (1 - p) in both documents. Ties of scores are ranked in the
/// order of the documents. As in LightGBM (Burges, MSR-TR-2010-82; its options lambdarank_truncation_level, sigmoid and
/// lambdarank_norm).
///
/// Groups are computed in parallel; results do not depend on the number of threads. Throws ShapeError if sizes of
/// groups are negative or do not sum to `count`, ValueError for relevance or options outside their range, with the
/// first bad index.
template <class T, class Out>
PairReport lambda_rank_pairs(const RankedPairs<T, Out>& pairs, std::int64_t count, const LambdaRankOptions& options);

/// The mean over groups of DCG at k divided by the ideal DCG at k, with gains 2^relevance - 1; 1 for groups without
/// relevant documents. NaN without groups. Throws as lambda_rank_pairs().
template <class T>
double ndcg(Strided<const T> scores, Strided<const T> relevance, std::span<const std::int64_t> group_sizes,
            std::int64_t count, std::int64_t k);

}  // namespace perdita::boosting
