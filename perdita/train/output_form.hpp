// What the outputs of a network are, by its loss: how predictions are computed from them.
#pragma once

#include <string_view>

namespace perdita::train {

enum class OutputForm {
  class_scores,       ///< of classes: logits of a softmax, before a scale
  logit,              ///< of two classes: the logit of the second
  probability,        ///< of two classes: the probability of the second
  distance,           ///< of two classes: the second below a threshold
  value,              ///< numbers
  sigmoid,            ///< numbers: logits of shares
  exp,                ///< numbers: their logarithms
  softmax,            ///< numbers: logits of shares of classes
  quantiles,          ///< of one number
  mean_and_variance,  ///< numbers, then their variances
};
/// "class_scores", "logit", ...
std::string_view name_of(OutputForm form);

}  // namespace perdita::train
