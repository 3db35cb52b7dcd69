// Mask<T, N>: the answer of a comparison of packs, lane by lane.
//
// As a rule it is a vector of integers, all ones where true, as the compiler's vector extension has it. Under AVX-512
// it is a mask register. That is written in assembly, for two reasons: g++ parses a kernel with baseline flags and
// gives its comparisons a type that AVX-512 lacks, so that one which is used twice, or combined with another, is taken
// apart into scalar code, lane by lane; and intrinsics of AVX-512 cannot be named in code that is compiled for the
// baseline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#define PERDITA_INLINE inline __attribute__((always_inline))
/// The same for a lambda, between its parameters and its body.
#define PERDITA_INLINE_LAMBDA __attribute__((always_inline))

namespace perdita {

namespace detail {

template <class>
inline constexpr bool always_false = false;

/// Relations of two numbers by the predicate of the comparing instructions. All but `differs` are false for NaN.
enum class Relation { equal = 0, differs = 4, less = 17, at_most = 18, at_least = 29, greater = 30 };

template <class T, int N>
struct VectorMask {
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Bits Raw __attribute__((vector_size(sizeof(T) * N)));
  typedef T Numbers __attribute__((vector_size(sizeof(T) * N)));

  template <Relation relation>
  PERDITA_INLINE static Raw compare(const Numbers& a, const Numbers& b) {
    if constexpr (relation == Relation::equal) return a == b;
    if constexpr (relation == Relation::differs) return a != b;
    if constexpr (relation == Relation::less) return a < b;
    if constexpr (relation == Relation::at_most) return a <= b;
    if constexpr (relation == Relation::at_least) return a >= b;
    if constexpr (relation == Relation::greater) return a > b;
  }
  PERDITA_INLINE static Raw negate(const Raw& mask) { return ~mask; }
  PERDITA_INLINE static Numbers choose(const Raw& mask, const Numbers& a, const Numbers& b) { return mask ? a : b; }
  PERDITA_INLINE static Numbers keep(const Raw& mask, const Numbers& x) {
    return reinterpret_cast<Numbers>(reinterpret_cast<Raw>(x) & mask);
  }
};

/// Whether packs are of AVX-512. Without optimisation nothing is inside a kernel, where alone there are such registers.
template <class T, int N>
inline constexpr bool has_avx512 =
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__clang__)
    sizeof(T) * N == 64;
#else
    false;
#endif

/// Whether the first lanes of a pack move by mask. Sanitizers do not see what assembly reads and writes.
template <class T, int N>
inline constexpr bool moves_by_mask =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    false;
#else
    has_avx512<T, N>;
#endif

#if defined(__x86_64__)
template <class T, int N>
struct RegisterMask {
  using Raw = std::conditional_t<N == 16, std::uint16_t, std::uint8_t>;
  typedef T Numbers __attribute__((vector_size(sizeof(T) * N)));

  template <Relation relation>
  PERDITA_INLINE static Raw compare(const Numbers& a, const Numbers& b) {
    Raw mask;
    if constexpr (sizeof(T) == 4)
      asm("vcmpps %3, %2, %1, %0" : "=k"(mask) : "v"(a), "v"(b), "i"(static_cast<int>(relation)));
    else
      asm("vcmppd %3, %2, %1, %0" : "=k"(mask) : "v"(a), "v"(b), "i"(static_cast<int>(relation)));
    return mask;
  }
  PERDITA_INLINE static Raw negate(Raw mask) { return static_cast<Raw>(~mask); }
  PERDITA_INLINE static Numbers choose(Raw mask, const Numbers& a, const Numbers& b) {
    Numbers chosen;
    if constexpr (sizeof(T) == 4)
      asm("vblendmps %1, %2, %0%{%3%}" : "=v"(chosen) : "v"(a), "v"(b), "Yk"(mask));
    else
      asm("vblendmpd %1, %2, %0%{%3%}" : "=v"(chosen) : "v"(a), "v"(b), "Yk"(mask));
    return chosen;
  }
  PERDITA_INLINE static Numbers keep(Raw mask, const Numbers& x) {
    Numbers kept;
    if constexpr (sizeof(T) == 4)
      asm("vmovaps %1, %0%{%2%}%{z%}" : "=v"(kept) : "v"(x), "Yk"(mask));
    else
      asm("vmovapd %1, %0%{%2%}%{z%}" : "=v"(kept) : "v"(x), "Yk"(mask));
    return kept;
  }

  /// The mask of the first `count` < N lanes, and moves of those alone: memory past them is not touched.
  PERDITA_INLINE static Raw first(std::size_t count) { return static_cast<Raw>((1u << count) - 1); }
  PERDITA_INLINE static void load(Numbers& to, const T* from, Raw mask) {
    if constexpr (sizeof(T) == 4)
      asm volatile("vmovups (%1), %0%{%2%}" : "+v"(to) : "r"(from), "Yk"(mask) : "memory");
    else
      asm volatile("vmovupd (%1), %0%{%2%}" : "+v"(to) : "r"(from), "Yk"(mask) : "memory");
  }
  PERDITA_INLINE static void store(T* to, const Numbers& from, Raw mask) {
    if constexpr (sizeof(T) == 4)
      asm volatile("vmovups %1, (%0)%{%2%}" : : "r"(to), "v"(from), "Yk"(mask) : "memory");
    else
      asm volatile("vmovupd %1, (%0)%{%2%}" : : "r"(to), "v"(from), "Yk"(mask) : "memory");
  }
};
#else
template <class T, int N>
using RegisterMask = VectorMask<T, N>;
#endif

}  // namespace detail

template <class T, int N>
struct Pack;

/// Takes &, |, ! and select(); never if or ?:.
template <class T, int N>
struct Mask {
  using Lanes = std::conditional_t<detail::has_avx512<T, N>, detail::RegisterMask<T, N>, detail::VectorMask<T, N>>;
  using Raw = typename Lanes::Raw;
  Raw raw;

  PERDITA_INLINE Mask() {}
  PERDITA_INLINE Mask(const Mask& other) { raw = other.raw; }
  PERDITA_INLINE Mask& operator=(const Mask& other) {
    raw = other.raw;
    return *this;
  }
  PERDITA_INLINE static Mask of(const Raw& raw) {
    Mask mask;
    mask.raw = raw;
    return mask;
  }
  template <detail::Relation relation>
  PERDITA_INLINE static Mask compare(const Pack<T, N>& a, const Pack<T, N>& b) {
    return of(Lanes::template compare<relation>(a.raw, b.raw));
  }
  template <class U = T>
  explicit operator bool() const {
    static_assert(detail::always_false<U>,
                  "a formula is evaluated for many elements at once: write select(condition, a, b) instead of if, "
                  "?:, && or ||");
    return false;
  }

  PERDITA_INLINE friend Mask operator&(const Mask& a, const Mask& b) { return of(static_cast<Raw>(a.raw & b.raw)); }
  PERDITA_INLINE friend Mask operator|(const Mask& a, const Mask& b) { return of(static_cast<Raw>(a.raw | b.raw)); }
  PERDITA_INLINE friend Mask operator!(const Mask& a) { return of(Lanes::negate(a.raw)); }
  PERDITA_INLINE friend Pack<T, N> select(const Mask& condition, const Pack<T, N>& a, const Pack<T, N>& b) {
    return Pack<T, N>::of(Lanes::choose(condition.raw, a.raw, b.raw));
  }
  /// x where the condition holds, else +0.
  PERDITA_INLINE friend Pack<T, N> zero_unless(const Mask& condition, const Pack<T, N>& x) {
    return Pack<T, N>::of(Lanes::keep(condition.raw, x.raw));
  }
};

}  // namespace perdita
