// A stable sort by unsigned keys, in parallel: counting sort by one digit after another. Blocks of fixed size count and
// move their own entries, so that the result is the one stable order, whatever the number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "perdita/core/parallel.hpp"

namespace perdita::kernels {

template <class Key>
struct Keyed {
  Key key;
  std::uint32_t value;
};

namespace detail {

/// Keys are sorted by 11 of their bits at a time, for a histogram of which the first-level cache has room.
template <class Key>
struct Digits {
  static constexpr int bits = 11;
  static constexpr std::size_t buckets = std::size_t{1} << bits;
  static constexpr int count = (8 * static_cast<int>(sizeof(Key)) + bits - 1) / bits;
  using Histogram = std::array<std::uint32_t, buckets>;

  static std::size_t of(Key key, int digit) { return static_cast<std::size_t>(key >> digit * bits) & (buckets - 1); }
};

/// Moves entries to where the entries of their digit are to go next.
template <class Key>
void scatter(std::span<const Keyed<Key>> from, int digit, typename Digits<Key>::Histogram& places, Keyed<Key>* to) {
  for (const Keyed<Key>& entry : from) to[places[Digits<Key>::of(entry.key, digit)]++] = entry;
}

/// Replaces the counts of blocks by where each block's entries of each bucket begin. Returns whether one bucket has
/// all.
template <std::size_t buckets>
bool find_places(std::span<std::array<std::uint32_t, buckets>> blocks, std::int64_t count) {
  std::uint32_t begin = 0;
  bool is_uniform = false;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const std::uint32_t before = begin;
    for (auto& counts : blocks) begin += std::exchange(counts[bucket], begin);
    is_uniform |= begin - before == count;
  }
  return is_uniform;
}

/// By the calling thread alone, which counts all digits at once.
template <class Key>
Keyed<Key>* radix_sort_alone(Keyed<Key>* entries, Keyed<Key>* spare, std::size_t count) {
  using Digits = Digits<Key>;
  std::vector<typename Digits::Histogram> histograms(Digits::count);
  for (const Keyed<Key>& entry : std::span(entries, count)) {
    for (int digit = 0; digit < Digits::count; ++digit) {
      ++histograms[static_cast<std::size_t>(digit)][Digits::of(entry.key, digit)];
    }
  }
  for (int digit = 0; digit < Digits::count; ++digit) {
    auto& places = histograms[static_cast<std::size_t>(digit)];
    if (find_places(std::span(&places, 1), static_cast<std::int64_t>(count))) continue;
    scatter(std::span<const Keyed<Key>>(entries, count), digit, places, spare);
    std::swap(entries, spare);
  }
  return entries;
}

}  // namespace detail

/// Sorts `count` entries by their keys; `spare` has room for as many. Returns where the sorted ones are: one of the
/// two. `alone`: other threads have work of their own.
template <class Key>
Keyed<Key>* radix_sort(Keyed<Key>* entries, Keyed<Key>* spare, std::int64_t count, bool alone = false) {
  using Digits = detail::Digits<Key>;
  constexpr std::int64_t block = 65536;
  if (count < 512) {
    std::stable_sort(entries, entries + count, [](const auto& a, const auto& b) { return a.key < b.key; });
    return entries;
  }
  if (alone || count <= block) return detail::radix_sort_alone(entries, spare, static_cast<std::size_t>(count));
  const std::int64_t blocks = (count + block - 1) / block;
  const auto entries_of = [&](std::int64_t b) {
    return std::span<const Keyed<Key>>(entries + b * block, entries + std::min(count, (b + 1) * block));
  };
  std::vector<typename Digits::Histogram> places(static_cast<std::size_t>(blocks));
  for (int digit = 0; digit < Digits::count; ++digit) {
    parallel_for(blocks, [&](std::int64_t b) {
      auto& counts = places[static_cast<std::size_t>(b)];
      counts.fill(0);
      for (const Keyed<Key>& entry : entries_of(b)) ++counts[Digits::of(entry.key, digit)];
    });
    if (detail::find_places(std::span(places), count)) continue;
    parallel_for(blocks, [&](std::int64_t b) {
      detail::scatter(entries_of(b), digit, places[static_cast<std::size_t>(b)], spare);
    });
    std::swap(entries, spare);
  }
  return entries;
}

}  // namespace perdita::kernels
