// Class weights against imbalance: total / (count * classes), given to cross_entropy.
#include <fmt/format.h>

#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

/// Mean recall over the classes of a held-out set, after training with these weights (undefined: none).
double balanced_accuracy(const data::Dataset& training, const data::Dataset& held_out, const Tensor& weights) {
  nn::manual_seed(1);
  data::DataLoader loader(training, {.batch_size = 64, .shuffle = true, .seed = 2});
  const auto model = nn::Sequential(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 3));
  optim::SGD optimizer(model.parameters(), {.lr = 0.05, .momentum = 0.9});
  for (int epoch = 1; epoch <= 20; ++epoch) {
    for (auto [points, labels] : loader) {
      const Tensor loss = F::cross_entropy(model(points), labels, {.weight = weights});
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
  }
  NoGrad no_grad;
  const Tensor labels = Tensor::from(held_out.targets);
  const Tensor hits = (argmax(model(Tensor::from(held_out.inputs)), 1) == labels).to(DType::float32);
  double recall_sum = 0;
  for (int k = 0; k < 3; ++k) {
    const Tensor own = (labels == k).to(DType::float32);
    recall_sum += sum(hits * own).item() / sum(own).item();
  }
  return recall_sum / 3;
}

int main() {
  const data::SyntheticOptions overlapping{.samples = 6000, .noise = 1.6, .classes = 3, .ratio = 40.0};
  const auto [training, held_out] = data::hold_out(data::synthetic("imbalanced-blobs", overlapping, 4), 0.5, 4, true);
  const auto counts = training.class_counts();
  std::vector<float> weights;
  for (std::int64_t count : counts)
    weights.push_back(static_cast<float>(training.size()) / static_cast<float>(count * 3));
  fmt::print("counts {}; weights {:.3f}\n", fmt::join(counts, ", "), fmt::join(weights, ", "));

  const double plain = balanced_accuracy(training, held_out, {});
  const double weighted = balanced_accuracy(training, held_out, Tensor::from(weights));
  fmt::print("balanced accuracy {:.3f} without weights, {:.3f} with them\n", plain, weighted);
  return weighted > plain ? 0 : 1;
}
