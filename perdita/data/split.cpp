#include "perdita/data/split.hpp"

#include "perdita/core/error.hpp"
#include "perdita/data/index_split.hpp"

namespace perdita::data {

TwoParts hold_out(const Dataset& dataset, double fraction, std::uint64_t seed, bool stratified) {
  if (stratified && dataset.task == Task::regression) {
    fail<ValueError>("hold_out: stratified splits require classes, but the targets are numbers");
  }
  const TwoIndexParts parts = stratified ? hold_out_of_each(dataset.labels(), fraction, seed)
                                         : hold_out_indices(dataset.size(), fraction, seed);
  return {dataset.select(parts.rest), dataset.select(parts.held_out)};
}

Splits split(const Dataset& dataset, const SplitOptions& options, std::optional<Dataset> test) {
  for (const auto& [name, fraction] :
       {std::pair{"val_fraction", options.val_fraction}, std::pair{"test_fraction", options.test_fraction}}) {
    if (!(fraction >= 0 && fraction < 1))
      fail<ValueError>("split: {} is {} (valid: 0 or more, below 1)", name, fraction);
  }
  Splits splits{dataset, std::nullopt, std::move(test)};
  if (!splits.test && options.test_fraction > 0) {
    auto [rest, held] = hold_out(splits.train, options.test_fraction, options.seed, options.stratified);
    splits.train = std::move(rest);
    splits.test = std::move(held);
  }
  if (options.val_fraction > 0) {
    auto [rest, held] = hold_out(splits.train, options.val_fraction, options.seed, options.stratified);
    splits.train = std::move(rest);
    splits.validation = std::move(held);
  }
  return splits;
}

}  // namespace perdita::data
