// What a block of rows came to: what the statistics of a stream are fed with.
#pragma once

#include <cstdint>
#include <span>

namespace perdita::evaluate {

/// Columns of equal length, of rows that count: none is ignored, every loss is finite.
template <class T>
struct JudgedRows {
  std::int64_t first = 0;                 ///< where the first stands in the stream
  std::span<const std::int64_t> indices;  ///< where each stands; empty: one after the other
  std::span<const T> losses;
  std::span<const std::int32_t> labels, predicted;
  std::span<const T> confidences;  ///< the probability given to the predicted class

  std::int64_t index(std::size_t i) const {
    return indices.empty() ? first + static_cast<std::int64_t>(i) : indices[i];
  }
};

}  // namespace perdita::evaluate
