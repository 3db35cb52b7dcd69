// Squares of packs, transposed in registers: rows of few classes become one pack per class and back.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "perdita/math/pack.hpp"

namespace perdita::kernels {

namespace detail {

/// Lane i of the result takes lane i of a where bit `distance` of i is clear, else lane i - distance of b.
template <int distance, class P, int... lane>
PERDITA_INLINE P interleave_low(const P& a, const P& b, std::integer_sequence<int, lane...>) {
  return P::of(__builtin_shufflevector(a.raw, b.raw, ((lane & distance) ? P::lanes + lane - distance : lane)...));
}
/// Lane i takes lane i + distance of a where bit `distance` of i is clear, else lane i of b.
template <int distance, class P, int... lane>
PERDITA_INLINE P interleave_high(const P& a, const P& b, std::integer_sequence<int, lane...>) {
  return P::of(__builtin_shufflevector(a.raw, b.raw, ((lane & distance) ? P::lanes + lane : lane + distance)...));
}

template <int distance, class P>
PERDITA_INLINE void transpose_stage(std::array<P, P::lanes>& rows) {
  if constexpr (distance > 0) {
    constexpr auto lanes = std::make_integer_sequence<int, P::lanes>{};
    for (int i = 0; i < P::lanes; ++i) {
      if (i & distance) continue;
      const auto low = static_cast<std::size_t>(i), high = static_cast<std::size_t>(i + distance);
      const P a = rows[low], b = rows[high];
      rows[low] = interleave_low<distance>(a, b, lanes);
      rows[high] = interleave_high<distance>(a, b, lanes);
    }
    transpose_stage<distance / 2>(rows);
  }
}

}  // namespace detail

/// Transposes a square of packs: each stage exchanges the off-diagonal quarters of ever smaller squares.
template <class P>
PERDITA_INLINE void transpose(std::array<P, P::lanes>& rows) {
  detail::transpose_stage<P::lanes / 2>(rows);
}

}  // namespace perdita::kernels
