// Random sampling with weights.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "perdita/data/alias_table.hpp"
#include "perdita/data/sampler.hpp"

namespace perdita::data {

/// Options of WeightedRandomSampler.
struct WeightedRandomOptions {
  bool replacement = true;
  std::uint64_t seed = 0;
};

/// Draws index i with a probability proportional to weights[i]. The weights need not have sum 1, and there may be any
/// number of them. With replacement, an alias table needs constant time per draw and is exact to 2^-53. Without
/// replacement, the result is distributed like successive draws from the remaining samples (Efraimidis and Spirakis:
/// Weighted random sampling with a reservoir, Information Processing Letters 97, 2006): the larger the fraction of
/// samples drawn, the more their frequencies differ from the weights. Samples of weight zero are never drawn.
/// Throws ValueError unless num_samples is positive, every weight is finite and not negative and one is positive;
/// without replacement also when num_samples exceeds the number of positive weights.
class WeightedRandomSampler : public Sampler {
 public:
  WeightedRandomSampler(std::span<const double> weights, std::int64_t num_samples,
                        const WeightedRandomOptions& options = {});
  WeightedRandomSampler(std::initializer_list<double> weights, std::int64_t num_samples,
                        const WeightedRandomOptions& options = {})
      : WeightedRandomSampler(std::span(weights.begin(), weights.size()), num_samples, options) {}
  std::int64_t size() const override { return num_samples_; }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  /// Without replacement approximately, with errors of the order of one draw in num_samples (Rosen: On sampling with
  /// probability proportional to size, Journal of Statistical Planning and Inference 62, 1997).
  std::vector<double> expected_draws() const override;

 private:
  void draw_without_replacement(std::uint64_t epoch, std::span<std::int64_t> indices) const;

  std::int64_t num_samples_;
  bool replacement_;
  std::uint64_t seed_;
  AliasTable table_;                 // with replacement
  std::vector<double> log_weights_;  // without
};

}  // namespace perdita::data
