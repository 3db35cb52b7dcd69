#include "perdita/data/class_sampler.hpp"

#include <algorithm>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

ClassBalancedSampler::ClassBalancedSampler(std::span<const std::int64_t> labels, const ClassBalancedOptions& options)
    : members_(labels.size()), seed_(options.seed) {
  if (labels.empty()) fail<ValueError>("ClassBalancedSampler: there are no labels (valid: 1 or more)");
  if (options.samples_per_class && *options.samples_per_class < 1) {
    fail<ValueError>("ClassBalancedSampler: samples_per_class is {} (valid: a positive number)",
                     *options.samples_per_class);
  }
  std::vector<std::int64_t> counts = count_classes(labels);
  std::vector<std::size_t> place;  // where the next sample of a class goes
  for (std::int64_t count : counts) {
    place.push_back(ends_.empty() ? 0 : ends_.back());
    if (ends_.empty()) ends_.push_back(0);
    if (count > 0) ends_.push_back(ends_.back() + static_cast<std::size_t>(count));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members_[place[static_cast<std::size_t>(labels[i])]++] = static_cast<std::int64_t>(i);
  }
  std::erase(counts, 0);
  per_class_ = options.samples_per_class.value_or(options.how == Balance::oversample ? std::ranges::max(counts)
                                                                                     : std::ranges::min(counts));
}

void ClassBalancedSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  const Philox random = detail::sampler_stream(seed_, epoch);
  std::uint64_t draws = 0;
  std::vector<std::int64_t> shuffled;
  auto out = indices.begin();
  for (std::size_t c = 0; c < classes(); ++c) {
    for (std::int64_t left = per_class_; left > 0;) {
      shuffled.assign(members(c).begin(), members(c).end());
      draws = detail::shuffle(shuffled, random, draws);
      const std::int64_t taken = std::min(left, static_cast<std::int64_t>(shuffled.size()));
      out = std::copy_n(shuffled.begin(), taken, out);
      left -= taken;
    }
  }
  detail::shuffle(indices, random, draws);
}

std::vector<double> ClassBalancedSampler::expected_draws() const {
  std::vector<double> draws(members_.size());
  for (std::size_t c = 0; c < classes(); ++c) {
    for (std::int64_t i : members(c)) {
      draws[static_cast<std::size_t>(i)] = static_cast<double>(per_class_) / static_cast<double>(members(c).size());
    }
  }
  return draws;
}

ClassShares class_shares(const Sampler& sampler, std::span<const std::int64_t> labels,
                         std::optional<std::int64_t> num_classes, std::uint64_t epoch) {
  const std::vector<std::int64_t> counts = count_classes(labels, num_classes);
  ClassShares shares{std::vector<double>(counts.begin(), counts.end()), {}, std::vector<double>(counts.size())};
  const auto class_of = [&](std::size_t i) {
    if (i >= labels.size()) fail<IndexError>("class_shares: index {} is out of range for {} labels", i, labels.size());
    return static_cast<std::size_t>(labels[i]);
  };
  std::vector<std::int64_t> indices(static_cast<std::size_t>(sampler.size()));
  sampler.draw(epoch, indices);
  for (std::int64_t i : indices) ++shares.drawn[class_of(static_cast<std::size_t>(i))];
  const std::vector<double> expected = sampler.expected_draws();
  if (!expected.empty()) shares.expected.resize(counts.size());
  for (std::size_t i = 0; i < expected.size(); ++i) shares.expected[class_of(i)] += expected[i];
  for (std::vector<double>* list : {&shares.data, &shares.expected, &shares.drawn}) {
    const double sum = std::accumulate(list->begin(), list->end(), 0.0);
    for (double& share : *list) share /= sum;
  }
  return shares;
}

}  // namespace perdita::data
