// The part of a sampler's draws that belongs to one of several processes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perdita/data/sampler.hpp"

namespace perdita::data {

/// Options of DistributedSampler.
struct DistributedOptions {
  std::int64_t world_size = 1;  ///< processes
  std::int64_t rank = 0;        ///< this one, from 0
  /// All processes get the same number of draws. If the number of draws is not a multiple of world_size: true drops the
  /// last ones, false repeats the first ones.
  bool drop_last = false;
};

/// Draws rank, rank + world_size, rank + 2 world_size, ... of any sampler: with the same sampler (and its seed) on all
/// ranks and in the same epoch, the parts are disjoint and together complete. Every process computes the whole order in
/// its own memory. Throws ValueError for a world_size below 1, a rank out of range, or if a process would get no
/// samples.
class DistributedSampler : public Sampler {
 public:
  explicit DistributedSampler(AnySampler whole, const DistributedOptions& options = {});
  std::int64_t size() const override;
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override;

 private:
  AnySampler whole_;
  DistributedOptions options_;
};

}  // namespace perdita::data
