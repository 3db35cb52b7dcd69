// Sums of losses as objectives of gradient boosting: gradients and Hessians of the parts, times their weights, added.
#pragma once

#include <vector>

#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace perdita::boosting {

/// The kind of score of the part whose scores have a meaning. Throws ValueError as for a single loss, for parts with
/// scores of different kinds, for several quantiles, and for weights below 0, all 0, scheduled or learned.
ScoreKind score_kind_of(const LossSum& loss);

/// The policies that all parts have.
std::vector<Hessian> hessians_of(const LossSum& loss);

/// As for a single loss. A policy is that of each part, `automatic` its own; a bound of each part makes a bound of the
/// sum. Hessians of parts below the least one are replaced by it, and counted, before they are added.
template <class T, class Out>
PairReport element_pairs(const LossSum& loss, const ElementPairs<T, Out>& pairs, const PairOptions& options);
template <class T, class Out>
PairReport class_pairs(const LossSum& loss, const ClassPairs<T, Out>& pairs, const PairOptions& options);

/// As for a single loss.
template <class T>
LossSums element_sums(const LossSum& loss, const ElementPairs<T, float>& pairs);
template <class T>
LossSums class_sums(const LossSum& loss, const ClassPairs<T, float>& pairs);

}  // namespace perdita::boosting
