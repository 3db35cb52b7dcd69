#include "perdita/kernels/narrow.hpp"

#include <algorithm>
#include <iterator>

#include "perdita/kernels/stream.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::detail {

namespace {

/// Asks for memory ahead, as the processor does by itself only within a page.
struct Widen {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, float* to, const T* from, std::int64_t count) const {
    constexpr std::int64_t line = 64 / sizeof(T), stretch = 8 * line, ahead = 32 * line;
    for (std::int64_t begin = 0; begin < count; begin += stretch) {
      for (std::int64_t i = begin; i < begin + stretch; i += line) __builtin_prefetch(from + i + ahead);
      const std::int64_t end = std::min(count, begin + stretch);
      for (std::int64_t i = begin; i < end; ++i) to[i] = from[i];
    }
  }
};

struct Narrow {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, T* to, const float* from, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, BFloat16>)
        to[i] = to_bfloat16(from[i]);
      else
        to[i] = to_float16(from[i]);
    }
  }
};

/// Whole cache lines are converted in the innermost cache and copied from there.
template <class T>
void narrow_streaming(T* to, const float* from, std::int64_t count) {
  constexpr std::int64_t line = 64 / sizeof(T);
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % 64 / sizeof(T));
  std::int64_t i = std::min(count, (line - past) % line);
  run(Narrow{}, to, from, i);
  T block[8 * line];
  while (count - i >= line) {
    const std::int64_t part = std::min<std::int64_t>(std::ssize(block), (count - i) / line * line);
    run(Narrow{}, block, from + i, part);
    stream(to + i, block, static_cast<std::size_t>(part) * sizeof(T));
    i += part;
  }
  run(Narrow{}, to + i, from + i, count - i);
}

}  // namespace

void widen(float* to, const void* from, DType dtype, std::int64_t count) {
  visit_narrow(dtype, [&]<class T>() { run(Widen{}, to, static_cast<const T*>(from), count); });
}

void narrow(void* to, DType dtype, const float* from, std::int64_t count, bool streaming) {
  visit_narrow(dtype, [&]<class T>() {
    T* const out = static_cast<T*>(to);
    if (streaming)
      narrow_streaming(out, from, count);
    else
      run(Narrow{}, out, from, count);
  });
}

}  // namespace perdita::detail
