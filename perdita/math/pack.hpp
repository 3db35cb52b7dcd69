// Pack<T, N>: N numbers in one register, with the operators of one number.
//
// A thin struct around the compiler's vector extension. Three rules keep it safe across instruction sets:
//  - copies are user-provided, so every ABI passes a Pack through memory: a call that is not inlined (at -O0, say)
//    cannot disagree with its caller about vector registers;
//  - members are always inlined where optimisation is on, so they take the instruction set of the kernel they land in;
//  - a pack fills one native register (Target::pack); wider ones are several times slower under g++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "perdita/math/mask.hpp"

namespace perdita {

namespace detail {
/// The same vector, of which g++ forgets how it was made. Vectors wider than the baseline's have registers only inside
/// a kernel, so elsewhere this would not compile; without optimisation, nothing is inside a kernel.
template <class Raw>
PERDITA_INLINE Raw forget_origin(Raw raw) {
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__clang__)
  if constexpr (sizeof(Raw) >= 16) asm("" : "+v"(raw));
#endif
  return raw;
}

/// What `a > b ? a : b` gives. It becomes one instruction; but under AVX-512 g++ would merge several of them into
/// scalar code (see mask.hpp), which it does not where it cannot see through.
template <class Raw>
PERDITA_INLINE Raw opaque(Raw raw) {
  if constexpr (sizeof(Raw) == 64)
    return forget_origin(raw);
  else
    return raw;
}
}  // namespace detail

template <class T, int N>
struct Pack {
  using value_type = T;
  using Bits = typename detail::VectorMask<T, N>::Bits;
  typedef T Raw __attribute__((vector_size(sizeof(T) * N)));
  typedef Bits RawBits __attribute__((vector_size(sizeof(T) * N)));
  static constexpr int lanes = N;
  Raw raw;

  PERDITA_INLINE Pack() {}
  PERDITA_INLINE Pack(const Pack& other) { raw = other.raw; }
  PERDITA_INLINE Pack& operator=(const Pack& other) {
    raw = other.raw;
    return *this;
  }
  /// The same number in every lane. Literals and parameters of a formula arrive here.
  PERDITA_INLINE Pack(double value) { raw = Raw{} + static_cast<T>(value); }

  PERDITA_INLINE static Pack of(const Raw& raw) {
    Pack pack;
    pack.raw = raw;
    return pack;
  }
  PERDITA_INLINE static Pack from_bits(const RawBits& bits) { return of(reinterpret_cast<Raw>(bits)); }
  PERDITA_INLINE RawBits bits() const { return reinterpret_cast<RawBits>(raw); }

  /// N numbers from p, of any alignment.
  PERDITA_INLINE static Pack load(const T* p) {
    Pack pack;
    std::memcpy(&pack.raw, p, sizeof(Raw));
    return pack;
  }
  PERDITA_INLINE void store(T* p) const { std::memcpy(p, &raw, sizeof(Raw)); }
  /// The first `count` < N numbers from p; `fill` in the other lanes.
  PERDITA_INLINE static Pack load_first(const T* p, std::size_t count, T fill = T(0)) {
    Pack pack(static_cast<double>(fill));
    if constexpr (detail::moves_by_mask<T, N>)
      detail::RegisterMask<T, N>::load(pack.raw, p, detail::RegisterMask<T, N>::first(count));
    else
      copy_first(reinterpret_cast<char*>(&pack.raw), reinterpret_cast<const char*>(p), count);
    return pack;
  }
  PERDITA_INLINE void store_first(T* p, std::size_t count) const {
    if constexpr (detail::moves_by_mask<T, N>) {
      detail::RegisterMask<T, N>::store(p, raw, detail::RegisterMask<T, N>::first(count));
    } else {
      const Raw copy = raw;
      copy_first(reinterpret_cast<char*>(p), reinterpret_cast<const char*>(&copy), count);
    }
  }

  PERDITA_INLINE T operator[](int lane) const { return raw[lane]; }

  PERDITA_INLINE friend Pack operator+(const Pack& a, const Pack& b) { return of(a.raw + b.raw); }
  PERDITA_INLINE friend Pack operator-(const Pack& a, const Pack& b) { return of(a.raw - b.raw); }
  PERDITA_INLINE friend Pack operator*(const Pack& a, const Pack& b) { return of(a.raw * b.raw); }
  PERDITA_INLINE friend Pack operator/(const Pack& a, const Pack& b) { return of(a.raw / b.raw); }
  PERDITA_INLINE friend Pack operator-(const Pack& a) { return of(-a.raw); }
  PERDITA_INLINE friend Mask<T, N> operator<(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::less>(a, b);
  }
  PERDITA_INLINE friend Mask<T, N> operator<=(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::at_most>(a, b);
  }
  PERDITA_INLINE friend Mask<T, N> operator>(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::greater>(a, b);
  }
  PERDITA_INLINE friend Mask<T, N> operator>=(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::at_least>(a, b);
  }
  PERDITA_INLINE friend Mask<T, N> operator==(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::equal>(a, b);
  }
  PERDITA_INLINE friend Mask<T, N> operator!=(const Pack& a, const Pack& b) {
    return Mask<T, N>::template compare<detail::Relation::differs>(a, b);
  }

  PERDITA_INLINE friend Pack abs(const Pack& a) { return from_bits(a.bits() & ~sign_bit()); }
  /// x with its sign flipped where s is negative (-0 included).
  PERDITA_INLINE friend Pack flip_sign(const Pack& x, const Pack& s) {
    return from_bits(x.bits() ^ (s.bits() & sign_bit()));
  }
  PERDITA_INLINE friend Pack copy_sign(const Pack& magnitude, const Pack& s) {
    return from_bits((magnitude.bits() & ~sign_bit()) | (s.bits() & sign_bit()));
  }
  // `a > b ? a : b` is one instruction and gives b when either is NaN; the select lets a NaN in a through.
  PERDITA_INLINE friend Pack max(const Pack& a, const Pack& b) {
    return select(a == a, of(detail::opaque(a.raw > b.raw ? a.raw : b.raw)), a);
  }
  PERDITA_INLINE friend Pack min(const Pack& a, const Pack& b) {
    return select(a == a, of(detail::opaque(a.raw < b.raw ? a.raw : b.raw)), a);
  }

 private:
  /// `count` < N numbers as halves of a register, quarters, ...: a memcpy of unknown length would be a call.
  PERDITA_INLINE static void copy_first(char* to, const char* from, std::size_t count) {
    copy_part<N / 2>(to, from, count);
  }
  template <int part>
  PERDITA_INLINE static void copy_part(char* to, const char* from, std::size_t count) {
    if constexpr (part > 0) {
      if (count & part) {
        std::memcpy(to, from, part * sizeof(T));
        to += part * sizeof(T);
        from += part * sizeof(T);
      }
      copy_part<part / 2>(to, from, count);
    }
  }

  PERDITA_INLINE static RawBits sign_bit() { return RawBits{} + (Bits(1) << (sizeof(T) * 8 - 2)) * Bits(-2); }
};

namespace detail {
template <int first, class T, int N, int... lane>
PERDITA_INLINE Pack<T, N / 2> half_from(const Pack<T, N>& pack, std::integer_sequence<int, lane...>) {
  return Pack<T, N / 2>::of(__builtin_shufflevector(pack.raw, pack.raw, (first + lane)...));
}
}  // namespace detail

template <class T, int N>
PERDITA_INLINE Pack<T, N / 2> low_half(const Pack<T, N>& pack) {
  return detail::half_from<0>(pack, std::make_integer_sequence<int, N / 2>{});
}
template <class T, int N>
PERDITA_INLINE Pack<T, N / 2> high_half(const Pack<T, N>& pack) {
  return detail::half_from<N / 2>(pack, std::make_integer_sequence<int, N / 2>{});
}

/// The same numbers in double.
template <class T, int N>
PERDITA_INLINE Pack<double, N> widened(const Pack<T, N>& pack) {
  return Pack<double, N>::of(__builtin_convertvector(pack.raw, typename Pack<double, N>::Raw));
}

/// The sum of the lanes, in a fixed order: halves are added until two numbers are left.
template <class T, int N>
PERDITA_INLINE T horizontal_sum(const Pack<T, N>& pack) {
  if constexpr (N <= 2)
    return N == 1 ? pack[0] : pack[0] + pack[N - 1];
  else
    return horizontal_sum(low_half(pack) + high_half(pack));
}

/// The largest lane; a NaN may or may not be seen.
template <class T, int N>
PERDITA_INLINE T horizontal_max(const Pack<T, N>& pack) {
  if constexpr (N <= 2) {
    return pack[0] > pack[N - 1] ? pack[0] : pack[N - 1];
  } else {
    const Pack<T, N / 2> a = low_half(pack), b = high_half(pack);
    return horizontal_max(Pack<T, N / 2>::of(a.raw > b.raw ? a.raw : b.raw));
  }
}

}  // namespace perdita
