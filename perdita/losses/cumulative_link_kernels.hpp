// The kernels of cumulative_link, compiled once, in the library: a formula of the score and both thresholds.
#pragma once

#include <array>

#include "perdita/kernels/several_operands.hpp"
#include "perdita/losses/ordinal/cumulative_link.hpp"

namespace perdita {

inline constexpr std::array<std::size_t, 3> places_of_cumulative_link{0, 1, 2};

namespace kernels {

#define PERDITA_CUMULATIVE_LINK_KERNEL(keyword, T)                     \
  keyword template double several_operands<places_of_cumulative_link>( \
      const CumulativeLink&, const std::array<const T*, 3>&, const SeveralOutputs<T, 3>&, std::int64_t);
PERDITA_CUMULATIVE_LINK_KERNEL(extern, float)
PERDITA_CUMULATIVE_LINK_KERNEL(extern, double)

}  // namespace kernels
}  // namespace perdita
