// Stores that go past the caches: a large array that is only written need not be read into them first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "perdita/math/pack.hpp"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace perdita::detail {

/// Whether an array of so many bytes, written once, will have left the caches before anybody reads it.
inline bool is_worth_streaming([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(__x86_64__)
  constexpr std::size_t large = std::size_t{16} << 20;
  return bytes >= large && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
#else
  return false;
#endif
}

/// Copies `bytes`, a multiple of 64, to a target aligned to 16. end_streaming() must follow before others read it.
inline void stream(void* target, const void* block, std::size_t bytes) {
#if defined(__x86_64__)
  auto* to = static_cast<__m128i*>(target);
  const auto* from = static_cast<const __m128i*>(block);
  for (std::size_t i = 0; i < bytes / sizeof(__m128i); i += 4) {  // a cache line
    for (std::size_t k = 0; k < 4; ++k) _mm_stream_si128(to + i + k, _mm_loadu_si128(from + i + k));
  }
#else
  std::memcpy(target, block, bytes);
#endif
}

/// The same for one pack; the target is aligned to 16, or to the pack if that is smaller. Assembly, since an intrinsic
/// of a richer instruction set cannot be named in code compiled with baseline flags; it is reached only inside a kernel
/// of that set.
template <class T, int N>
PERDITA_INLINE void stream_pack(T* target, const Pack<T, N>& pack) {
  [[maybe_unused]] typedef typename Pack<T, N>::Raw Raw;
#if defined(__clang__)
  if (reinterpret_cast<std::uintptr_t>(target) % sizeof(Raw) == 0)
    __builtin_nontemporal_store(pack.raw, reinterpret_cast<Raw*>(target));
  else
    pack.store(target);
#elif defined(__x86_64__)
  if constexpr (sizeof(Raw) < 16) {
    pack.store(target);
  } else if constexpr (sizeof(Raw) == 16) {
    asm volatile("movntps %1, %0" : "=m"(*reinterpret_cast<Raw*>(target)) : "x"(pack.raw));
  } else if (reinterpret_cast<std::uintptr_t>(target) % sizeof(Raw) == 0) {
    asm volatile("vmovntps %1, %0" : "=m"(*reinterpret_cast<Raw*>(target)) : "v"(pack.raw));
  } else {
    stream_pack(target, low_half(pack));
    stream_pack(target + N / 2, high_half(pack));
  }
#else
  pack.store(target);
#endif
}

inline void end_streaming() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace perdita::detail
