// How the losses of the elements become one number.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "perdita/core/error.hpp"

namespace perdita {

enum class Reduction {
  none,       ///< one loss per element (per row for the softmax family)
  mean,       ///< their sum divided by a denominator, see Normalize
  sum,        ///< their sum
  batchmean,  ///< their sum divided by the size of the first dimension: the mathematical mean of a divergence
};

/// The denominator of a mean. `standard` is PyTorch's choice for the loss at hand: the weight sum for class indices,
/// the count of elements (rows) for everything else.
enum class Normalize { standard, count, weight_sum, batch };

inline Reduction parse_reduction(std::string_view name) {
  if (name == "none") return Reduction::none;
  if (name == "mean") return Reduction::mean;
  if (name == "sum") return Reduction::sum;
  if (name == "batchmean") return Reduction::batchmean;
  fail<ValueError>("unknown reduction '{}' (valid: none, mean, sum, batchmean)", name);
}

}  // namespace perdita
