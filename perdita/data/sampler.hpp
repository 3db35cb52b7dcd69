// Samplers: the order in which, and how often, the samples of a dataset are visited in an epoch.
//
// The order of an epoch depends only on the arguments of the sampler and the number of the epoch, not on threads or on
// earlier draws. The seed, the epoch and the position in it are therefore sufficient to resume a run.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace perdita::data {

/// Base class of samplers. Derive from it to define a custom order.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Indices in one epoch.
  virtual std::int64_t size() const = 0;
  /// Writes the order of an epoch, counted from 0; `indices` has size() elements. May be called from another thread.
  virtual void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const = 0;
  /// Expected number of draws of index 0, 1, ... in an epoch, up to the largest index; empty if unknown.
  virtual std::vector<double> expected_draws() const { return {}; }
};

/// Any sampler, stored by value. Empty by default.
class AnySampler {
 public:
  AnySampler() = default;
  template <std::derived_from<Sampler> S>
  AnySampler(S sampler) : sampler_(std::make_shared<const S>(std::move(sampler))) {}
  explicit operator bool() const { return sampler_ != nullptr; }
  const Sampler* operator->() const { return sampler_.get(); }
  const Sampler& operator*() const { return *sampler_; }

 private:
  std::shared_ptr<const Sampler> sampler_;
};

/// 0, 1, 2, ..., count - 1. Throws ValueError for a negative count.
class SequentialSampler : public Sampler {
 public:
  explicit SequentialSampler(std::int64_t count);
  std::int64_t size() const override { return count_; }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  std::vector<double> expected_draws() const override;

 private:
  std::int64_t count_;
};

/// Options of RandomSampler.
struct RandomOptions {
  bool replacement = false;
  std::optional<std::int64_t> num_samples = std::nullopt;  ///< default: the number of samples
  std::uint64_t seed = 0;
};

/// A random permutation of 0..count-1 (Fisher and Yates); for num_samples > count, several permutations in sequence.
/// With replacement, independent draws. Throws ValueError unless count and num_samples are positive.
class RandomSampler : public Sampler {
 public:
  explicit RandomSampler(std::int64_t count, const RandomOptions& options = {});
  std::int64_t size() const override { return num_samples_; }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  std::vector<double> expected_draws() const override;

 private:
  std::int64_t count_, num_samples_;
  bool replacement_;
  std::uint64_t seed_;
};

/// The given indices in the given order. Throws IndexError for a negative index.
class SubsetSampler : public Sampler {
 public:
  explicit SubsetSampler(std::vector<std::int64_t> indices);
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  std::vector<double> expected_draws() const override;

 private:
  std::vector<std::int64_t> indices_;
};

/// The given indices, shuffled anew in each epoch. Throws IndexError for a negative index.
class SubsetRandomSampler : public Sampler {
 public:
  explicit SubsetRandomSampler(std::vector<std::int64_t> indices, std::uint64_t seed = 0);
  std::int64_t size() const override { return subset_.size(); }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;
  std::vector<double> expected_draws() const override;

 private:
  SubsetSampler subset_;
  std::uint64_t seed_;
};

}  // namespace perdita::data
