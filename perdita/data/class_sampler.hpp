// Class-balanced sampling, and the class frequencies that result from a sampler.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "perdita/data/sampler.hpp"

namespace perdita::data {

/// How classes of different sizes get the same number of samples.
enum class Balance {
  oversample,   ///< as many samples of each class as the largest class has; samples of smaller classes are repeated
  undersample,  ///< as many samples of each class as the smallest class has, chosen anew in each epoch
};

/// Options of ClassBalancedSampler.
struct ClassBalancedOptions {
  Balance how = Balance::oversample;
  std::optional<std::int64_t> samples_per_class = std::nullopt;  ///< default: the size of the largest or smallest class
  std::uint64_t seed = 0;
};

/// Draws exactly the same number of samples of each class, in an order that is shuffled anew in each epoch. The samples
/// of a class are drawn in consecutive shuffles, so that none is drawn twice before all have been drawn once. Classes
/// without samples are not drawn. Throws IndexError for a negative label, ValueError if there are no labels or
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

/// Class frequencies; each list has sum 1.
struct ClassShares {
  std::vector<double> data;      ///< of the labels
  std::vector<double> expected;  ///< expectation over the draws of the sampler; empty if it does not provide it
  std::vector<double> drawn;     ///< of the draws of the epoch
};

/// Throws IndexError for a label out of range, and if the sampler draws an index without a label.
ClassShares class_shares(const Sampler& sampler, std::span<const std::int64_t> labels,
                         std::optional<std::int64_t> num_classes = std::nullopt, std::uint64_t epoch = 0);

}  // namespace perdita::data
