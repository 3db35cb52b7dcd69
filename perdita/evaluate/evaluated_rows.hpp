// What a block of rows came to: what the statistics of a stream are fed with.
#pragma once

#include <cstdint>
#include <span>

namespace perdita::evaluate {

/// Columns of equal length, without the rows that are ignored. Losses may be infinite or NaN.
template <class T>
struct EvaluatedRows {
  std::int64_t first = 0;                 ///< where the first stands in the stream
  std::span<const std::int64_t> indices;  ///< where each stands; empty: one after the other
  std::span<const T> losses;
  std::span<const std::int32_t> labels, predicted;  ///< predicted is -1 where a prediction is NaN
  std::span<const T> confidences;                   ///< the probability given to the predicted class; NaN for none

  std::int64_t index(std::size_t i) const {
    return indices.empty() ? first + static_cast<std::int64_t>(i) : indices[i];
  }
};

}  // namespace perdita::evaluate
