// Samplers that look at classes, and what they make of the classes' shares.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "perdita/data/sampler.hpp"

namespace perdita::data {

/// How classes of different sizes get the same number of samples.
enum class Balance {
  oversample,   ///< as many of each class as the largest has: samples of the others are repeated
  undersample,  ///< as many of each class as the smallest has: a new choice from the others in each epoch
};

/// Options of ClassBalancedSampler.
struct ClassBalancedOptions {
  Balance how = Balance::oversample;
  std::optional<std::int64_t> samples_per_class = std::nullopt;  ///< in place of the largest or smallest class's number
  std::uint64_t seed = 0;
};

/// The same number of samples of each class, exactly, in an order that is shuffled anew each epoch. A class gives its
/// samples in shuffles one after the other, so that none is drawn twice before all have been drawn once. A class
/// without samples gives none. Throws IndexError for a negative label, ValueError when there are no labels or
/// samples_per_class is not positive.
class ClassBalancedSampler : public Sampler {
 public:
  explicit ClassBalancedSampler(std::span<const std::int64_t> labels, const ClassBalancedOptions& options = {});
  std::int64_t size() const override { return static_cast<std::int64_t>(classes()) * per_class_; }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  std::vector<double> expected_draws() const override;

 private:
  std::size_t classes() const { return ends_.size() - 1; }
  std::span<const std::int64_t> members(std::size_t c) const {
    return std::span(members_).subspan(ends_[c], ends_[c + 1] - ends_[c]);
  }

  std::vector<std::int64_t> members_;  // sample by sample, class by class: class c from ends_[c] to ends_[c + 1]
  std::vector<std::size_t> ends_;
  std::int64_t per_class_;
  std::uint64_t seed_;
};

/// The classes' shares, each list summing to 1.
struct ClassShares {
  std::vector<double> data;      ///< of the labels
  std::vector<double> expected;  ///< of the sampler's draws on average; empty where the sampler does not know
  std::vector<double> drawn;     ///< of the epoch's draws
};

/// Throws IndexError for a label out of range and when the sampler draws an index that has no label.
ClassShares class_shares(const Sampler& sampler, std::span<const std::int64_t> labels,
                         std::optional<std::int64_t> num_classes = std::nullopt, std::uint64_t epoch = 0);

}  // namespace perdita::data
