// Deterministic sums. A kernel sums each fixed block of its elements in a fixed order into one double; the block sums
// are combined here in a fixed tree. Which thread did which block leaves no trace in the result.
#pragma once

#include <cstddef>
#include <span>

namespace perdita {

/// The sum of the blocks' sums, pairwise: the rounding error grows with log2(n) instead of n. 0 for none.
inline double combine_block_sums(std::span<const double> sums) {
  constexpr std::size_t leaf = 8;
  if (sums.size() <= leaf) {
    double total = 0.0;
    for (double sum : sums) total += sum;
    return total;
  }
  const std::size_t half = sums.size() / 2;
  return combine_block_sums(sums.first(half)) + combine_block_sums(sums.subspan(half));
}

}  // namespace perdita
