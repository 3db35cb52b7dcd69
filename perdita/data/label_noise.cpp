#include "perdita/data/label_noise.hpp"

#include <cmath>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/shuffle.hpp"

namespace perdita::data {

std::vector<std::int64_t> flip_labels(std::span<const std::int64_t> labels, std::int64_t num_classes, double share,
                                      std::uint64_t seed) {
  if (!(share >= 0 && share <= 1)) fail<ValueError>("flip_labels: share is {} (valid: 0..1)", share);
  count_classes(labels, num_classes);  // checks them
  if (share > 0 && num_classes < 2) {
    fail<ValueError>("flip_labels: there are {} classes (valid: 2 or more)", num_classes);
  }
  const Philox random(seed, std::uint64_t{0x1abe} << 48);
  std::vector<std::int64_t> order(labels.size()), flipped(labels.begin(), labels.end());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::uint64_t draws = detail::shuffle(order, random);
  order.resize(static_cast<std::size_t>(std::llround(share * static_cast<double>(labels.size()))));
  for (std::int64_t i : order) {
    std::int64_t& label = flipped[static_cast<std::size_t>(i)];
    const auto other = static_cast<std::int64_t>(random.below(draws++, static_cast<std::uint64_t>(num_classes - 1)));
    label = other + (other >= label);
  }
  return flipped;
}

}  // namespace perdita::data
