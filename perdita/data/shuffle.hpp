// Shuffling by counter: what samplers and splits share.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "perdita/core/random.hpp"

namespace perdita::data::detail {

/// A sampler's stream for an epoch, apart from every other use of the seed.
inline Philox sampler_stream(std::uint64_t seed, std::uint64_t epoch) {
  constexpr std::uint64_t samplers = 0x5a3d;
  return Philox(seed, samplers << 48 | epoch);
}

/// Fisher and Yates; takes the draws from number `first` on, and returns the number of the next one.
inline std::uint64_t shuffle(std::span<std::int64_t> values, const Philox& random, std::uint64_t first = 0) {
  for (std::size_t left = values.size(); left > 1; --left) {
    std::swap(values[left - 1], values[random.below(first++, left)]);
  }
  return first;
}

}  // namespace perdita::data::detail
