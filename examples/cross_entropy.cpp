// Multi-class cross-entropy: one of several classes, a logit each; labels are class indices.
#include <fmt/core.h>

#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main() {
  nn::manual_seed(1);
  const auto [training, held_out] =
      data::hold_out(data::synthetic("spirals", {.samples = 3000, .classes = 3}, 5), 0.25, 5);
  data::DataLoader loader(training, {.batch_size = 64, .shuffle = true, .seed = 5});

  const auto model = nn::Sequential(nn::Linear(2, 64), nn::ReLU(), nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 3));
  optim::Adam optimizer(model.parameters(), {.lr = 5e-3});
  for (int epoch = 1; epoch <= 40; ++epoch) {
    for (auto [points, labels] : loader) {
      const Tensor loss = F::cross_entropy(model(points), labels, {.label_smoothing = 0.05});
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
  }
  NoGrad no_grad;
  const Tensor logits = model(Tensor::from(held_out.inputs)), labels = Tensor::from(held_out.targets);
  const double accuracy = mean((argmax(logits, 1) == labels).to(DType::float32)).item();
  fmt::print("test loss {:.4f}, accuracy {:.3f}\n", F::cross_entropy(logits, labels).item(), accuracy);
  return accuracy > 0.9 ? 0 : 1;
}
