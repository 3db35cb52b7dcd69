// Samplers: in which order, and how often, the samples of a dataset are visited in an epoch.
//
// The order of an epoch is a function of the sampler's arguments and the epoch's number alone, never of threads or of
// what was drawn before: to resume a run it is enough to know the seed, the epoch and the position in it.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace perdita::data {

/// Derive from it for an order of your own.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Indices in one epoch.
  virtual std::int64_t size() const = 0;
  /// Writes the order of an epoch, counted from 0; `indices` has size() elements. May be called from another thread.
  virtual void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const = 0;
  /// How often index 0, 1, ... is drawn in an epoch on average, up to the largest that is; empty where nobody knows.
  virtual std::vector<double> expected_draws() const { return {}; }
};

/// Any sampler, held by value. Empty at first.
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
  std::optional<std::int64_t> num_samples = std::nullopt;  ///< default: as many as there are
  std::uint64_t seed = 0;
};

/// A shuffle of 0..count-1 (Fisher and Yates); for more samples than that, one shuffle after the other. With
/// replacement, independent draws. Throws ValueError unless count and num_samples are positive.
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

/// The given indices in an order that is shuffled anew each epoch. Throws IndexError for a negative index.
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
