// The predicted class of a row of scores, which may contain infinities and NaN.
#pragma once

#include <cstdint>

namespace perdita::evaluate {

struct Prediction {
  std::int32_t label = -1;  ///< -1: none, because a score is NaN or all have probability 0
  double confidence = 0;    ///< the probability of the label; NaN for none
};

/// The label with the largest logit, the first among equals. Classes with a logit of +infinity share the probability.
template <class T>
Prediction predicted_by_logits(const T* logits, std::int64_t classes);

/// The label with the largest probability, the first among equals, and its share of the sum. A sum that is 1 up to
/// rounding is taken as 1.
template <class T>
Prediction predicted_by_probabilities(const T* probabilities, std::int64_t classes);

}  // namespace perdita::evaluate
