// The sum of one block, in an order that no instruction set changes.
#pragma once

#include <cstdint>

namespace perdita::detail {

/// Element i is added, in double, to logical lane i mod 32, and then halves of the lanes to each other. `count` is a
/// multiple of group_size.
double block_sum(const float* block, std::int64_t count);
double block_sum(const double* block, std::int64_t count);

}  // namespace perdita::detail
