// How work is cut: fixed blocks, whatever the number of threads, so that every sum is the same sum.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"
#include "perdita/math/pack.hpp"

namespace perdita::kernels {

/// Calls block_sum(begin, end) for consecutive ranges of at most `block` items of [0, count), in parallel, and returns
/// the sum of what it returns, combined in a fixed order.
template <class BlockSum>
double sum_over_blocks(std::int64_t count, std::int64_t block, BlockSum&& block_sum) {
  const std::int64_t blocks = (count + block - 1) / block;
  if (blocks <= 1) return count > 0 ? block_sum(std::int64_t{0}, count) : 0.0;
  constexpr std::int64_t few = 64;
  std::array<double, few> on_stack;
  Buffer on_heap;
  double* sums = on_stack.data();
  if (blocks > few) {
    on_heap = Buffer::allocate(static_cast<std::size_t>(blocks) * sizeof(double));
    sums = static_cast<double*>(on_heap.data());
  }
  parallel_for(blocks, [&](std::int64_t i) { sums[i] = block_sum(i * block, std::min(count, (i + 1) * block)); });
  return combine_block_sums(std::span<const double>(sums, static_cast<std::size_t>(blocks)));
}

/// How many elements ahead a loop asks for memory, where the instructions of what it computes fill the processor's
/// window before it sees enough loads to keep memory busy.
template <class T>
inline constexpr std::int64_t fetch_ahead = 2048 / sizeof(T);

/// Adds packs in their own type for a short stretch, then in double: the rounding error does not grow with the number
/// of elements.
template <class P>
class PackSum {
 public:
  PERDITA_INLINE void add(const P& values) { stretch_ = stretch_ + values; }
  /// Ends a stretch: call it every few dozen additions.
  PERDITA_INLINE void fold() {
    if constexpr (is_wide) {
      wide_ = wide_ + stretch_;
    } else {
      wide_ = wide_ + (widened(low_half(stretch_)) + widened(high_half(stretch_)));
    }
    stretch_ = P(0.0);
  }
  PERDITA_INLINE double total() {
    fold();
    return horizontal_sum(wide_);
  }

 private:
  static constexpr bool is_wide = sizeof(typename P::value_type) == sizeof(double);
  using Wide = Pack<double, is_wide ? P::lanes : P::lanes / 2>;
  P stretch_{0.0};
  Wide wide_{0.0};
};

}  // namespace perdita::kernels
