// Whether all numbers of an array lie in an interval, and which is the first that does not.
#pragma once

#include <cstdint>

namespace perdita::kernels {

/// The first i with !(low <= data[i] <= high), NaN included; `count` if there is none. One pass at the speed of memory.
template <class T>
std::int64_t first_outside(const T* data, std::int64_t count, double low, double high);

}  // namespace perdita::kernels
