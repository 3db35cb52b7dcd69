// Oversampling: a weighted sampler draws every class equally often, so that a plain loss sees balanced batches.
#include <fmt/format.h>

#include <perdita/perdita.hpp>

using namespace perdita;

int main() {
  const data::Dataset dataset = data::synthetic("imbalanced-blobs", {.samples = 10000, .classes = 3, .ratio = 50.0}, 4);
  const data::WeightedRandomSampler sampler(data::balanced_sample_weights(dataset), 30000, {.seed = 9});
  data::DataLoader loader(dataset, {.batch_size = 100, .sampler = sampler});
  std::vector<std::int64_t> drawn(3);
  for (auto [points, labels] : loader) {
    for (std::int64_t label : labels.to_vector<std::int64_t>()) ++drawn[static_cast<std::size_t>(label)];
  }
  fmt::print("in the data {}; drawn {}\n", fmt::join(dataset.class_counts(), ", "), fmt::join(drawn, ", "));
  for (std::int64_t count : drawn) {
    if (count < 9500 || count > 10500) return 1;
  }
  return 0;
}
