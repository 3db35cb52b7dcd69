#include "perdita/data/index_split.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

namespace {

using Indices = std::vector<std::int64_t>;

Philox split_stream(std::uint64_t seed) { return Philox(seed, std::uint64_t{0x5717} << 48); }

/// Sizes of the parts, whose ends are rounded.
std::vector<std::size_t> sizes_of(std::string_view function, std::int64_t count, std::span<const double> fractions) {
  const double total = std::accumulate(fractions.begin(), fractions.end(), 0.0);
  const bool are_positive = std::ranges::all_of(fractions, [](double f) { return f > 0; });
  if (!are_positive || !(std::abs(total - 1) < 1e-9)) {
    fail<ValueError>("{}: fractions are {} (valid: positive numbers with sum 1)", function, fractions);
  }
  std::vector<std::size_t> sizes;
  double before = 0;
  std::int64_t given = 0;
  for (const double fraction : fractions) {
    before += fraction;
    const std::int64_t end = std::llround(static_cast<double>(count) * before);
    if (end <= given)
      fail<ValueError>("{}: a fraction of {} of {} samples is empty (valid: at least one sample per part)", function,
                       fraction, count);
    sizes.push_back(static_cast<std::size_t>(end - given));
    given = end;
  }
  return sizes;
}

/// How many samples each class gives, `total` together: shares are rounded down, and the classes with the largest
/// remainders give one more.
std::vector<std::size_t> shares(const std::vector<std::size_t>& counts, std::size_t total) {
  const double all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
  std::vector<std::size_t> share(counts.size()), order(counts.size());
  std::vector<double> remainder(counts.size());
  std::size_t given = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    const double exact = static_cast<double>(counts[c]) * static_cast<double>(total) / all;
    share[c] = static_cast<std::size_t>(exact);
    remainder[c] = exact - std::floor(exact);
    given += share[c];
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t c) { return remainder[c]; });
  for (std::size_t i = 0; given < total && i < order.size(); ++i, ++given) ++share[order[i]];
  return share;
}

/// The first of two parts is held out.
std::array<double, 2> two_fractions(double fraction) {
  if (!(fraction > 0 && fraction < 1)) fail<ValueError>("hold_out: fraction is {} (valid: above 0, below 1)", fraction);
  return {fraction, 1 - fraction};
}

TwoIndexParts two_parts(std::vector<Indices> parts) { return {std::move(parts[1]), std::move(parts[0])}; }

}  // namespace

std::vector<Indices> random_split(std::int64_t count, std::span<const double> fractions, std::uint64_t seed) {
  const std::vector<std::size_t> sizes = sizes_of("random_split", count, fractions);
  Indices indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  detail::shuffle(indices, split_stream(seed));
  std::vector<Indices> parts;
  for (auto begin = indices.begin(); const std::size_t size : sizes) {
    parts.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
    std::ranges::sort(parts.back());
    begin += static_cast<std::ptrdiff_t>(size);
  }
  return parts;
}

std::vector<Indices> stratified_split(std::span<const std::int64_t> labels, std::span<const double> fractions,
                                      std::uint64_t seed) {
  const std::vector<std::size_t> sizes = sizes_of("stratified_split", std::ssize(labels), fractions);
  std::vector<Indices> members(count_classes(labels).size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
  }
  const Philox random = split_stream(seed);
  std::uint64_t draws = 0;
  std::vector<std::size_t> left;
  for (Indices& of_class : members) {
    draws = detail::shuffle(of_class, random, draws);
    left.push_back(of_class.size());
  }
  std::vector<Indices> parts;
  for (const std::size_t size : sizes) {
    const std::vector<std::size_t> share = shares(left, size);
    Indices& part = parts.emplace_back();
    for (std::size_t c = 0; c < members.size(); ++c) {
      const auto begin = members[c].end() - static_cast<std::ptrdiff_t>(left[c]);
      part.insert(part.end(), begin, begin + static_cast<std::ptrdiff_t>(share[c]));
      left[c] -= share[c];
    }
    std::ranges::sort(part);
  }
  return parts;
}

TwoIndexParts hold_out_indices(std::int64_t count, double fraction, std::uint64_t seed) {
  return two_parts(random_split(count, two_fractions(fraction), seed));
}

TwoIndexParts hold_out_of_each(std::span<const std::int64_t> labels, double fraction, std::uint64_t seed) {
  return two_parts(stratified_split(labels, two_fractions(fraction), seed));
}

}  // namespace perdita::data
