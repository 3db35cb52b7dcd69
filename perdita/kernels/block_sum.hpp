// The sum of one block, in an order that no instruction set changes.
#pragma once

#include <cstdint>

namespace perdita::detail {

/// Elements i, i + 32, i + 64 and i + 96 are added as they are, then, in double, to logical lane i mod 32, and then
/// halves of the lanes to each other: where all have one sign, two float roundings at most. `count` is a multiple of
/// group_size.
double block_sum(const float* block, std::int64_t count);
double block_sum(const double* block, std::int64_t count);

}  // namespace perdita::detail
