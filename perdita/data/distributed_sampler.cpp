#include "perdita/data/distributed_sampler.hpp"

#include "perdita/core/error.hpp"

namespace perdita::data {

DistributedSampler::DistributedSampler(AnySampler whole, const DistributedOptions& options)
    : whole_(std::move(whole)), options_(options) {
  if (!whole_) fail<ValueError>("DistributedSampler: the sampler is empty (valid: any sampler)");
  if (options.world_size < 1) {
    fail<ValueError>("DistributedSampler: world_size is {} (valid: 1 or more)", options.world_size);
  }
  if (options.rank < 0 || options.rank >= options.world_size) {
    fail<ValueError>("DistributedSampler: rank is {} (valid: 0..{})", options.rank, options.world_size - 1);
  }
  if (size() == 0) {
    fail<ValueError>("DistributedSampler: {} samples are too few for {} processes (valid: at least {})", whole_->size(),
                     options.world_size, options.drop_last ? options.world_size : 1);
  }
}

std::int64_t DistributedSampler::size() const {
  const std::int64_t draws = whole_->size(), processes = options_.world_size;
  return draws / processes + (!options_.drop_last && draws % processes != 0);
}

void DistributedSampler::draw(std::uint64_t epoch, std::span<std::int64_t> indices) const {
  std::vector<std::int64_t> order(static_cast<std::size_t>(whole_->size()));
  whole_->draw(epoch, order);
  const auto rank = static_cast<std::size_t>(options_.rank), step = static_cast<std::size_t>(options_.world_size);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = order[(rank + i * step) % order.size()];
}

}  // namespace perdita::data
