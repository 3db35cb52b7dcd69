// The parallel loop. One pool: OpenMP's, which is also oneDNN's.
#pragma once

#include <cstdint>
#include <type_traits>

namespace perdita {

/// Threads that parallel loops use; at first OMP_NUM_THREADS or the number of processors. 1 in a child of fork().
int num_threads();
/// Throws ValueError unless 1 <= count <= 1024.
void set_num_threads(int count);
/// Takes the number that OpenMP has for this thread: what a host (PyTorch, threadpoolctl) has set there.
void adopt_openmp_threads();

namespace detail {
void parallel_for(std::int64_t count, void (*body)(void*, std::int64_t), void* context);
}

/// Calls body(i) for i in [0, count), on several threads when there are several items and this is not already inside
/// a parallel loop. The items are dealt in fixed contiguous ranges. The first exception by item order is rethrown.
template <class Body>
void parallel_for(std::int64_t count, Body&& body) {
  if (count <= 1 || num_threads() == 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_for(
      count, [](void* context, std::int64_t i) { (*static_cast<Plain*>(context))(i); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace perdita
