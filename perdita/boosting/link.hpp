// The link: what a booster's raw scores become when they are predictions.
#pragma once

#include <string_view>

#include "perdita/boosting/hessian.hpp"

namespace perdita::boosting {

/// Function that turns raw scores into predictions.
enum class Link {
  identity,     ///< values, scores, formulas
  exponential,  ///< expected values, from their logarithms
  sigmoid,      ///< the probability of label 1, from its logit
  softmax       ///< probabilities of classes, from their logits
};
/// "identity", "exponential", ...
std::string_view name_of(Link link);

/// The link of a loss. Throws ValueError for losses that are not functions of raw scores. One score per row of a loss
/// of classes has the link sigmoid.
Link link_of(const AnyLoss& loss, bool is_one_score = false);

}  // namespace perdita::boosting
