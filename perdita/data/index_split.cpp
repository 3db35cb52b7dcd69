#include "perdita/data/index_split.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

namespace {

using Indices = std::vector<std::int64_t>;

Philox split_stream(std::uint64_t seed) { return Philox(seed, std::uint64_t{0x5717} << 48); }

Indices all_of(std::int64_t count) {
  Indices indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

std::size_t held_out_count(std::int64_t count, double fraction) {
  if (!(fraction > 0 && fraction < 1)) fail<ValueError>("hold_out: fraction is {} (valid: above 0, below 1)", fraction);
  const auto held = static_cast<std::int64_t>(std::llround(static_cast<double>(count) * fraction));
  if (held == 0 || held == count) {
    fail<ValueError>("hold_out: a fraction of {} leaves one part of {} samples empty", fraction, count);
  }
  return static_cast<std::size_t>(held);
}

TwoIndexParts divide(std::int64_t count, Indices held) {
  std::ranges::sort(held);
  Indices rest;
  std::ranges::set_difference(all_of(count), held, std::back_inserter(rest));
  return {std::move(rest), std::move(held)};
}

/// How many samples each class gives, `total` together: shares are rounded down, and the classes with the largest
/// remainders give one more.
std::vector<std::size_t> shares(const std::vector<std::int64_t>& counts, std::size_t total, double fraction) {
  std::vector<std::size_t> share(counts.size()), order(counts.size());
  std::vector<double> remainder(counts.size());
  std::size_t given = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    const double exact = static_cast<double>(counts[c]) * fraction;
    share[c] = static_cast<std::size_t>(exact);
    remainder[c] = exact - std::floor(exact);
    given += share[c];
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t c) { return remainder[c]; });
  for (std::size_t i = 0; given < total && i < order.size(); ++i, ++given) ++share[order[i]];
  return share;
}

}  // namespace

TwoIndexParts hold_out_indices(std::int64_t count, double fraction, std::uint64_t seed) {
  const std::size_t held = held_out_count(count, fraction);
  Indices indices = all_of(count);
  detail::shuffle(indices, split_stream(seed));
  indices.resize(held);
  return divide(count, std::move(indices));
}

TwoIndexParts hold_out_of_each(std::span<const std::int64_t> labels, double fraction, std::uint64_t seed) {
  const std::size_t held = held_out_count(std::ssize(labels), fraction);
  const std::vector<std::int64_t> counts = count_classes(labels);
  std::vector<Indices> members(counts.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
  }
  const auto share = shares(counts, held, fraction);
  const Philox random = split_stream(seed);
  std::uint64_t draws = 0;
  Indices chosen;
  for (std::size_t c = 0; c < members.size(); ++c) {
    draws = detail::shuffle(members[c], random, draws);
    chosen.insert(chosen.end(), members[c].begin(), members[c].begin() + static_cast<std::ptrdiff_t>(share[c]));
  }
  return divide(std::ssize(labels), std::move(chosen));
}

}  // namespace perdita::data
