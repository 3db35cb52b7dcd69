// Binary cross-entropy: two classes, one logit. The loss takes logits: never a sigmoid before it.
#include <fmt/core.h>

#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main() {
  nn::manual_seed(1);
  const auto [training, held_out] =
      data::hold_out(data::synthetic("moons", {.samples = 2000, .noise = 0.15}, 3), 0.25, 3);
  data::DataLoader loader(training, {.batch_size = 64, .shuffle = true, .seed = 3});

  const auto model = nn::Sequential(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 1));
  optim::SGD optimizer(model.parameters(), {.lr = 0.2, .momentum = 0.9});
  for (int epoch = 1; epoch <= 30; ++epoch) {
    for (auto [points, labels] : loader) {
      const Tensor loss = F::binary_cross_entropy_with_logits(model(points).squeeze(1), labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
  }
  NoGrad no_grad;
  const Tensor logits = model(Tensor::from(held_out.inputs)).squeeze(1), labels = Tensor::from(held_out.targets);
  const double accuracy = mean(((logits > 0.0).to(DType::int64) == labels).to(DType::float32)).item();
  fmt::print("test loss {:.4f}, accuracy {:.3f}\n", F::binary_cross_entropy_with_logits(logits, labels).item(),
             accuracy);
  return accuracy > 0.95 ? 0 : 1;
}
