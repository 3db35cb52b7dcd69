#include "perdita/data/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/core/random.hpp"

namespace perdita::data {

namespace {

/// A stream for each epoch, apart from every other use of the seed.
Philox stream_of(std::uint64_t seed, std::uint64_t epoch) {
  constexpr std::uint64_t samplers = 0x5a3d;
  return Philox(seed, samplers << 48 | epoch);
}

/// Fisher and Yates, with the draws from number `first` on.
void shuffle(std::span<std::int64_t> values, const Philox& random, std::uint64_t first = 0) {
  for (std::size_t left = values.size(); left > 1; --left) {
    std::swap(values[left - 1], values[random.below(first++, left)]);
  }
}

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

RandomSampler::RandomSampler(std::int64_t count, const RandomOptions& options)
    : count_(count),
      num_samples_(options.num_samples.value_or(count)),
      replacement_(options.replacement),
      seed_(options.seed) {
  if (count <= 0) fail<ValueError>("RandomSampler: there are {} samples to draw from (valid: 1 or more)", count);
  check_num_samples("RandomSampler", num_samples_);
}

void RandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  const Philox random = stream_of(seed_, epoch);
  const auto count = static_cast<std::uint64_t>(count_);
  if (replacement_) {
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int64_t>(random.below(i, count));
    return;
  }
  std::uint64_t first = 0;
  for (; indices.size() >= count; indices = indices.subspan(count), first += count) {
    const auto whole = indices.first(count);
    std::iota(whole.begin(), whole.end(), std::int64_t{0});
    shuffle(whole, random, first);
  }
  if (indices.empty()) return;
  std::vector<std::int64_t> last(count);
  std::iota(last.begin(), last.end(), std::int64_t{0});
  shuffle(last, random, first);
  std::copy_n(last.begin(), indices.size(), indices.begin());
}

SubsetSampler::SubsetSampler(std::vector<std::int64_t> indices) : indices_(std::move(indices)) {
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    if (indices_[i] < 0) fail<IndexError>("SubsetSampler: indices[{}] is {} (valid: 0 or more)", i, indices_[i]);
  }
}

void SubsetSampler::draw(std::uint64_t, std::span<std::int64_t> indices) const {
  std::ranges::copy(indices_, indices.begin());
}

SubsetRandomSampler::SubsetRandomSampler(std::vector<std::int64_t> indices, std::uint64_t seed)
    : subset_(std::move(indices)), seed_(seed) {}

void SubsetRandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  subset_.draw(epoch, indices);
  shuffle(indices, stream_of(seed_, epoch));
}

WeightedRandomSampler::WeightedRandomSampler(std::vector<double> weights, std::int64_t num_samples,
                                             const WeightedRandomOptions& options)
    : num_samples_(num_samples), replacement_(options.replacement), seed_(options.seed) {
  check_num_samples("WeightedRandomSampler", num_samples);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (std::isfinite(weights[i]) && weights[i] >= 0) continue;
    fail<ValueError>("WeightedRandomSampler: weights[{}] is {} (valid: finite, 0 or more)", i, weights[i]);
  }
  const auto positive = std::ranges::count_if(weights, [](double weight) { return weight > 0; });
  if (positive == 0) {
    fail<ValueError>("WeightedRandomSampler: none of the {} weights is positive (valid: at least one)", weights.size());
  }
  if (!replacement_ && num_samples > positive) {
    fail<ValueError>(
        "WeightedRandomSampler: {} samples without replacement from {} of positive weight (valid: up to {})",
        num_samples, positive, positive);
  }
  if (replacement_) {
    table_ = AliasTable(weights);
  } else {
    log_weights_ = std::move(weights);
    for (double& weight : log_weights_) weight = std::log(weight);
  }
}

void WeightedRandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  if (!replacement_) return draw_without_replacement(epoch, indices);
  const Philox random = stream_of(seed_, epoch);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = table_.draw(random, i);
}

// Item i waits an exponential time of rate w_i: the order of arrival is the order of successive weighted draws. In
// logarithms no weight is too small or too large.
void WeightedRandomSampler::draw_without_replacement(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  const Philox random = stream_of(seed_, epoch);
  std::vector<std::pair<double, std::int64_t>> arrivals(log_weights_.size());
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const double uniform = (static_cast<double>(random.bits64(i) >> 12) + 0.5) * 0x1p-52;  // neither 0 nor 1
    arrivals[i] = {std::log(-std::log(uniform)) - log_weights_[i], static_cast<std::int64_t>(i)};
  }
  const auto last = arrivals.begin() + static_cast<std::ptrdiff_t>(indices.size());
  std::nth_element(arrivals.begin(), last - 1, arrivals.end());
  std::sort(arrivals.begin(), last);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = arrivals[i].second;
}

}  // namespace perdita::data
