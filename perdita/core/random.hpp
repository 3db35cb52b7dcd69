// Counter-based random numbers: number i of stream s under a seed is a pure function of (seed, s, i), so draws do not
// depend on threads or on the order in which they are made.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace perdita {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011, section 3.3).
class Philox {
 public:
  using Block = std::array<std::uint32_t, 4>;

  /// `stream` separates uses under one seed: weights, shuffling of epoch e, dropout of step s.
  explicit Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// The four words of counter `index`.
  Block block(std::uint64_t index) const {
    Block x{lo(index), hi(index), lo(stream_), hi(stream_)};
    std::uint32_t k0 = lo(seed_), k1 = hi(seed_);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * x[0];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * x[2];
      x = {hi(p1) ^ x[1] ^ k0, lo(p1), hi(p0) ^ x[3] ^ k1, lo(p0)};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return x;
  }

  std::uint64_t bits64(std::uint64_t index) const {
    const Block x = block(index >> 1);
    return index & 1 ? x[2] | std::uint64_t{x[3]} << 32 : x[0] | std::uint64_t{x[1]} << 32;
  }
  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t index) const { return static_cast<double>(bits64(index) >> 11) * 0x1p-53; }
  /// Standard normal, by Box and Muller from one block.
  double normal(std::uint64_t index) const {
    const std::uint64_t pair = index >> 1;
    const double u = 1.0 - uniform(2 * pair), angle = 6.283185307179586 * uniform(2 * pair + 1);
    const double radius = std::sqrt(-2.0 * std::log(u));
    return radius * (index & 1 ? std::sin(angle) : std::cos(angle));
  }
  /// Uniform in [0, bound) without bias worth naming: 64 bits scaled by a 128-bit product.
  std::uint64_t below(std::uint64_t index, std::uint64_t bound) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(bits64(index)) * bound) >> 64);
  }

 private:
  static std::uint32_t lo(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static std::uint32_t hi(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
  std::uint64_t seed_, stream_;
};

}  // namespace perdita
