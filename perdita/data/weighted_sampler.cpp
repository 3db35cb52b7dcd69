#include "perdita/data/weighted_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

WeightedRandomSampler::WeightedRandomSampler(std::span<const double> weights, std::int64_t num_samples,
                                             const WeightedRandomOptions& options)
    : num_samples_(num_samples), replacement_(options.replacement), seed_(options.seed) {
  if (num_samples <= 0) {
    fail<ValueError>("WeightedRandomSampler: num_samples is {} (valid: a positive number)", num_samples);
  }
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
    log_weights_.assign(weights.begin(), weights.end());
    for (double& weight : log_weights_) weight = std::log(weight);
  }
}

void WeightedRandomSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  if (!replacement_) return draw_without_replacement(epoch, indices);
  table_.draw_all(detail::sampler_stream(seed_, epoch), indices);
}

// Item i waits an exponential time of rate w_i: the order of arrival is the order of successive weighted draws. In
// logarithms no weight is too small or too large.
void WeightedRandomSampler::draw_without_replacement(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  struct Arrival {
    double log_time;
    std::int64_t index;
    auto operator<=>(const Arrival&) const = default;
  };
  const Philox random = detail::sampler_stream(seed_, epoch);
  std::vector<Arrival> arrivals(log_weights_.size());
  constexpr std::int64_t block = 1 << 13;
  const auto count = static_cast<std::int64_t>(arrivals.size());
  parallel_for((count + block - 1) / block, [&](std::int64_t b) {
    for (std::int64_t i = b * block; i < std::min((b + 1) * block, count); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double uniform = (static_cast<double>(random.bits64(at) >> 12) + 0.5) * 0x1p-52;  // neither 0 nor 1
      arrivals[at] = {std::log(-std::log(uniform)) - log_weights_[at], i};
    }
  });
  const auto last = arrivals.begin() + static_cast<std::ptrdiff_t>(indices.size());
  std::nth_element(arrivals.begin(), last - 1, arrivals.end());
  std::sort(arrivals.begin(), last);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = arrivals[i].index;
}

// Without replacement: those that have arrived by the time at which num_samples have on average.
std::vector<double> WeightedRandomSampler::expected_draws() const {
  const auto wanted = static_cast<double>(num_samples_);
  if (replacement_) {
    std::vector<double> draws = table_.probabilities();
    for (double& draw : draws) draw *= wanted;
    return draws;
  }
  std::vector<double> draws(log_weights_.size());
  const auto arrived_by = [&](double log_time) {
    for (std::size_t i = 0; i < draws.size(); ++i) draws[i] = -std::expm1(-std::exp(log_weights_[i] + log_time));
    return std::accumulate(draws.begin(), draws.end(), 0.0);
  };
  double early = -2000, late = 2000;  // logarithms of doubles are within +-745
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = (early + late) / 2;
    (arrived_by(middle) < wanted ? early : late) = middle;
  }
  arrived_by(late);
  return draws;
}

}  // namespace perdita::data
