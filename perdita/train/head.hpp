// The function that follows the last linear layer of a network.
#pragma once

#include <string_view>

namespace perdita::train {

/// What follows the last linear layer.
enum class Head {
  identity,
  sigmoid,            ///< a probability
  softplus,           ///< a positive number
  log_softmax,        ///< logarithms of class probabilities
  mean_and_variance,  ///< [N, 2K]: K means, then K positive variances
};
std::string_view name_of(Head head);

}  // namespace perdita::train
