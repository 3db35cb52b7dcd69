#include "perdita/data/split.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/core/random.hpp"

namespace perdita::data {

namespace {

using Indices = std::vector<std::int64_t>;

void shuffle(Indices& indices, const Philox& random, std::uint64_t& draws) {
  for (std::size_t left = indices.size(); left > 1; --left) {
    std::swap(indices[left - 1], indices[random.below(draws++, left)]);
  }
}

Indices all_of(std::int64_t count) {
  Indices indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
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

Indices choose(const Dataset& dataset, std::size_t count, double fraction, const Philox& random, bool stratified) {
  std::uint64_t draws = 0;
  if (!stratified) {
    Indices indices = all_of(dataset.size());
    shuffle(indices, random, draws);
    indices.resize(count);
    return indices;
  }
  std::vector<Indices> members(dataset.class_names.size());
  const std::int64_t* classes = dataset.targets.data<std::int64_t>();
  for (std::int64_t i = 0; i < dataset.size(); ++i) members[static_cast<std::size_t>(classes[i])].push_back(i);
  const auto share = shares(dataset.class_counts(), count, fraction);
  Indices chosen;
  for (std::size_t c = 0; c < members.size(); ++c) {
    shuffle(members[c], random, draws);
    chosen.insert(chosen.end(), members[c].begin(), members[c].begin() + static_cast<std::ptrdiff_t>(share[c]));
  }
  return chosen;
}

}  // namespace

TwoParts hold_out(const Dataset& dataset, double fraction, std::uint64_t seed, bool stratified) {
  if (!(fraction > 0 && fraction < 1)) fail<ValueError>("hold_out: fraction is {} (valid: above 0, below 1)", fraction);
  if (stratified && dataset.task == Task::regression) {
    fail<ValueError>("hold_out: stratified, but the targets are numbers (valid: classes)");
  }
  const auto count = static_cast<std::int64_t>(std::llround(static_cast<double>(dataset.size()) * fraction));
  if (count == 0 || count == dataset.size()) {
    fail<ValueError>("hold_out: a fraction of {} leaves one part of {} samples empty", fraction, dataset.size());
  }
  constexpr std::uint64_t split_stream = std::uint64_t{0x5717} << 48;
  Indices held = choose(dataset, static_cast<std::size_t>(count), fraction, Philox(seed, split_stream), stratified);
  std::ranges::sort(held);
  Indices rest;
  std::ranges::set_difference(all_of(dataset.size()), held, std::back_inserter(rest));
  return {dataset.select(rest), dataset.select(held)};
}

Splits split(const Dataset& dataset, const SplitOptions& options, std::optional<Dataset> test) {
  for (const auto& [name, fraction] :
       {std::pair{"val_fraction", options.val_fraction}, std::pair{"test_fraction", options.test_fraction}}) {
    if (!(fraction >= 0 && fraction < 1))
      fail<ValueError>("split: {} is {} (valid: 0 or more, below 1)", name, fraction);
  }
  Splits splits{dataset, std::nullopt, std::move(test)};
  if (!splits.test && options.test_fraction > 0) {
    auto [rest, held] = hold_out(splits.train, options.test_fraction, options.seed, options.stratified);
    splits.train = std::move(rest);
    splits.test = std::move(held);
  }
  if (options.val_fraction > 0) {
    auto [rest, held] = hold_out(splits.train, options.val_fraction, options.seed, options.stratified);
    splits.train = std::move(rest);
    splits.validation = std::move(held);
  }
  return splits;
}

}  // namespace perdita::data
