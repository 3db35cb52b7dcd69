// Mean squared error: a small network learns a noisy sine from (x, y) pairs.
#include <fmt/core.h>

#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main() {
  nn::manual_seed(1);
  const data::Dataset dataset = data::synthetic("sine", {.samples = 2000, .noise = 0.1}, 7);
  const auto [training, held_out] = data::hold_out(dataset, 0.25, 7);
  data::DataLoader loader(training, {.batch_size = 50, .shuffle = true, .seed = 7});
  const Tensor test_inputs = Tensor::from(held_out.inputs), test_targets = Tensor::from(held_out.targets);

  const auto model = nn::Sequential(nn::Linear(1, 32), nn::Tanh(), nn::Linear(32, 1));
  optim::Adam optimizer(model.parameters(), {.lr = 1e-2});
  for (int epoch = 1; epoch <= 40; ++epoch) {
    for (auto [x, y] : loader) {
      const Tensor loss = F::mse_loss(model(x).squeeze(1), y);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
  }
  NoGrad no_grad;
  const double error = F::mse_loss(model(test_inputs).squeeze(1), test_targets).item();
  fmt::print("test mse {:.4f}; the noise alone has 0.0100\n", error);
  return error < 0.015 ? 0 : 1;
}
