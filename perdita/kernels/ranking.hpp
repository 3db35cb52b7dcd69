// Losses of the rankings of groups of any size, with their gradients.
#pragma once

#include <cstdint>
#include <span>

#include "perdita/kernels/ranked_pairs.hpp"

namespace perdita::kernels {

/// T: the type of scores, float or double.
template <class T>
struct RankingTask {
  std::span<const std::int64_t> begins;  ///< of groups, followed by the number of documents
  const T* scores;
  const double* relevance;     ///< 0 or more, finite
  const double* coefficients;  ///< of the losses
  double* losses;              ///< one for each group; 0 for one without documents
  T* gradient = nullptr;       ///< of sum_g coefficients[g] losses[g] with respect to the scores
};

/// losses[g] = pair_losses() of the group. A group with a score of NaN has the loss NaN.
template <class T>
void pair_ranking_loss(const RankingTask<T>& task, const PairOptions& options, Gains gains);

struct ListMleOptions {
  std::int64_t k = 0;           ///< the first k terms only
  bool position_aware = false;  ///< see list_mle_loss()
};

/// losses[g] = sum_i a_i (log sum_{j >= i} exp(s_j) - s_i) over the documents of the group by descending relevance,
/// equal ones in their order; a_i is 1, or position-aware 2^(n - i) - 1 over the sum of these, with i from 1.
template <class T>
void list_mle_loss(const RankingTask<T>& task, const ListMleOptions& options);

/// The weights a_i of list_mle_loss() of a group of `count` documents.
std::vector<double> position_weights(std::int64_t count, const ListMleOptions& options);

/// losses[g] = 1 - sum_i gain_i / log2(1 + pi_i) / (ideal DCG), pi_i = 1 + sum_{j != i} sigmoid(alpha (s_j - s_i)); 0
/// if the ideal DCG is 0.
template <class T>
void approx_ndcg_loss(const RankingTask<T>& task, double alpha, Gains gains);

}  // namespace perdita::kernels
