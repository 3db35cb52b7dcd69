#include "perdita/core/parallel.hpp"

#include <omp.h>
#include <pthread.h>

#include <atomic>
#include <exception>

#include "perdita/core/error.hpp"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace perdita {

namespace {

/// ThreadSanitizer does not see how libgomp's threads wait for each other, and has to be told.
void tell_done([[maybe_unused]] void* point) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(point);
#endif
}
void tell_waited([[maybe_unused]] void* point) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(point);
#endif
}

/// Atomic, because threads of a host that call losses at the same time all adopt its number.
std::atomic<int>& thread_count() {
  static std::atomic<int> count = omp_get_max_threads();
  return count;
}

// OpenMP's pool does not survive a fork, but libgomp in the child waits for its threads for ever. Whether a pool
// existed cannot be asked: a host that shares libgomp may have made it.
bool is_forked_child = false;
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, [] { is_forked_child = true; });
}  // namespace

int num_threads() { return is_forked_child ? 1 : thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int count) {
  if (count < 1 || count > 1024) fail<ValueError>("set_num_threads: count is {} (valid: 1..1024)", count);
  thread_count().store(count, std::memory_order_relaxed);
  omp_set_num_threads(is_forked_child ? 1 : count);  // oneDNN asks OpenMP
}

void adopt_openmp_threads() { thread_count().store(omp_get_max_threads(), std::memory_order_relaxed); }

namespace detail {

// Not instrumented itself: OpenMP hands variables to threads before these can say that they waited for them.
__attribute__((no_sanitize("thread"))) void parallel_for(std::int64_t count, void (*body)(void*, std::int64_t),
                                                         void* context) {
  std::exception_ptr first_error;
  std::int64_t first_error_at = count;
  const int threads = static_cast<int>(count < num_threads() ? count : num_threads());
  tell_done(&first_error_at);
#pragma omp parallel for schedule(static) num_threads(threads) if (!omp_in_parallel())
  for (std::int64_t i = 0; i < count; ++i) {
    tell_waited(&first_error_at);
    try {
      body(context, i);
    } catch (...) {
#pragma omp critical(perdita_parallel_for_error)
      {
        tell_waited(&first_error);
        if (i < first_error_at) {
          first_error_at = i;
          first_error = std::current_exception();
        }
        tell_done(&first_error);
      }
    }
    tell_done(&first_error);
  }
  tell_waited(&first_error);
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace detail
}  // namespace perdita
