// A validation loop: no gradients, dropout off, the loss weighted by the size of each batch; the best model is kept.
#include <fmt/core.h>

#include <limits>
#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

struct Score {
  double loss, accuracy;
};

Score validate(const nn::Sequential& model, data::DataLoader& loader) {
  NoGrad no_grad;
  model.eval();
  double loss = 0, hits = 0, count = 0;
  for (auto [inputs, labels] : loader) {
    LossExtras found;  // losses and hits in one pass
    F::cross_entropy(model(inputs), labels, {.extras = &found});
    loss += found.numerator;
    hits += sum(found.hits.to(DType::float32)).item();
    count += found.denominator;
  }
  model.train();
  return {loss / count, hits / count};
}

int main() {
  nn::manual_seed(1);
  const auto [training, held_out] =
      data::hold_out(data::synthetic("blobs", {.samples = 3000, .noise = 1.2, .classes = 4}, 8), 0.3, 8);
  data::DataLoader train_loader(training, {.batch_size = 64, .shuffle = true, .seed = 8});
  data::DataLoader val_loader(held_out, {.batch_size = 256});

  const auto model = nn::Sequential(nn::Linear(2, 32), nn::ReLU(), nn::Dropout(0.2), nn::Linear(32, 4));
  optim::AdamW optimizer(model.parameters(), {.lr = 5e-3});
  Score best{std::numeric_limits<double>::infinity(), 0};
  nn::StateDict best_state;
  for (int epoch = 1; epoch <= 15; ++epoch) {
    for (auto [inputs, labels] : train_loader) {
      const Tensor loss = F::cross_entropy(model(inputs), labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
    const Score score = validate(model, val_loader);
    if (score.loss < best.loss) {
      best = score;
      best_state.clear();
      for (const auto& [name, tensor] : model.state_dict()) best_state.emplace_back(name, tensor.clone());
    }
    fmt::print("epoch {:2}: validation loss {:.4f}, accuracy {:.3f}\n", epoch, score.loss, score.accuracy);
  }
  model.load_state_dict(best_state);
  const Score kept = validate(model, val_loader);
  fmt::print("best: loss {:.4f}, accuracy {:.3f}\n", kept.loss, kept.accuracy);
  return kept.loss == best.loss && kept.accuracy > 0.8 ? 0 : 1;
}
