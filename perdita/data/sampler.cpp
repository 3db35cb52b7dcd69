#include "perdita/data/sampler.hpp"

#include <algorithm>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

namespace {

void check_num_samples(std::string_view sampler, std::int64_t num_samples) {
  if (num_samples <= 0) fail<ValueError>("{}: num_samples is {} (valid: a positive number)", sampler, num_samples);
}

}  // namespace

SequentialSampler::SequentialSampler(std::int64_t count) : count_(count) {
  if (count < 0) fail<ValueError>("SequentialSampler: count is {} (valid: 0 or more)", count);
}

void SequentialSampler::draw(std::uint64_t, std::span<std::int64_t> indices) const {
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
}

std::vector<double> SequentialSampler::expected_draws() const {
  return std::vector<double>(static_cast<std::size_t>(count_), 1.0);
}

RandomSampler::RandomSampler(std::int64_t count, const RandomOptions& options)
    : count_(count),
      num_samples_(options.num_samples.value_or(count)),
      replacement_(options.replacement),
      seed_(options.seed) {
  if (count <= 0) fail<ValueError>("RandomSampler: there are {} samples to draw from (valid: 1 or more)", count);
  check_num_samples("RandomSampler", num_samples_);
}

void RandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  const Philox random = detail::sampler_stream(seed_, epoch);
  const auto count = static_cast<std::uint64_t>(count_);
  if (replacement_) {
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int64_t>(random.below(i, count));
    return;
  }
  std::uint64_t first = 0;
  for (; indices.size() >= count; indices = indices.subspan(count), first += count) {
    const auto whole = indices.first(count);
    std::iota(whole.begin(), whole.end(), std::int64_t{0});
    detail::shuffle(whole, random, first);
  }
  if (indices.empty()) return;
  std::vector<std::int64_t> last(count);
  std::iota(last.begin(), last.end(), std::int64_t{0});
  detail::shuffle(last, random, first);
  std::copy_n(last.begin(), indices.size(), indices.begin());
}

std::vector<double> RandomSampler::expected_draws() const {
  return std::vector<double>(static_cast<std::size_t>(count_),
                             static_cast<double>(num_samples_) / static_cast<double>(count_));
}

SubsetSampler::SubsetSampler(std::vector<std::int64_t> indices) : indices_(std::move(indices)) {
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    if (indices_[i] < 0) fail<IndexError>("SubsetSampler: indices[{}] is {} (valid: 0 or more)", i, indices_[i]);
  }
}

void SubsetSampler::draw(std::uint64_t, std::span<std::int64_t> indices) const {
  std::ranges::copy(indices_, indices.begin());
}

std::vector<double> SubsetSampler::expected_draws() const {
  std::vector<double> draws(indices_.empty() ? 0 : static_cast<std::size_t>(std::ranges::max(indices_)) + 1);
  for (std::int64_t index : indices_) ++draws[static_cast<std::size_t>(index)];
  return draws;
}

SubsetRandomSampler::SubsetRandomSampler(std::vector<std::int64_t> indices, std::uint64_t seed)
    : subset_(std::move(indices)), seed_(seed) {}

void SubsetRandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  subset_.draw(epoch, indices);
  detail::shuffle(indices, detail::sampler_stream(seed_, epoch));
}

std::vector<double> SubsetRandomSampler::expected_draws() const { return subset_.expected_draws(); }

}  // namespace perdita::data
