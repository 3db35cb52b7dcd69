// A stable sort by unsigned keys, in parallel: counting sort by one digit after another. Blocks of fixed size count and
// move their own entries, so that the result is the one stable order, whatever the number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "perdita/core/parallel.hpp"

namespace perdita::kernels {

template <class Key>
struct Keyed {
  Key key;
  std::uint32_t value;
};

/// Sorts `count` entries by their keys; `spare` has room for as many. Returns where the sorted ones are: one of the
/// two.
template <class Key>
Keyed<Key>* radix_sort(Keyed<Key>* entries, Keyed<Key>* spare, std::int64_t count) {
  constexpr int digit_bits = 11, key_bits = 8 * sizeof(Key);
  constexpr std::size_t buckets = std::size_t{1} << digit_bits;
  constexpr std::int64_t block = 65536;
  if (count < 512) {
    std::stable_sort(entries, entries + count, [](const auto& a, const auto& b) { return a.key < b.key; });
    return entries;
  }
  const std::int64_t blocks = (count + block - 1) / block;
  std::vector<std::array<std::uint32_t, buckets>> places(static_cast<std::size_t>(blocks));
  for (int shift = 0; shift < key_bits; shift += digit_bits) {
    const auto digit_of = [shift](Key key) { return static_cast<std::size_t>(key >> shift) & (buckets - 1); };
    parallel_for(blocks, [&](std::int64_t b) {
      auto& counts = places[static_cast<std::size_t>(b)];
      counts.fill(0);
      const Keyed<Key>* const end = entries + std::min(count, (b + 1) * block);
      for (const Keyed<Key>* entry = entries + b * block; entry < end; ++entry) ++counts[digit_of(entry->key)];
    });
    std::uint32_t begin = 0;
    bool is_uniform = false;
    for (std::size_t digit = 0; digit < buckets; ++digit) {
      const std::uint32_t before = begin;
      for (auto& counts : places) begin += std::exchange(counts[digit], begin);
      is_uniform |= begin - before == count;
    }
    if (is_uniform) continue;
    parallel_for(blocks, [&](std::int64_t b) {
      auto& to = places[static_cast<std::size_t>(b)];
      const Keyed<Key>* const end = entries + std::min(count, (b + 1) * block);
      for (const Keyed<Key>* entry = entries + b * block; entry < end; ++entry)
        spare[to[digit_of(entry->key)]++] = *entry;
    });
    std::swap(entries, spare);
  }
  return entries;
}

}  // namespace perdita::kernels
