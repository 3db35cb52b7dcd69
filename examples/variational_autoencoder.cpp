// Negative log-likelihood: a small variational autoencoder on Fashion-MNIST. Its loss is the bound of Kingma and
// Welling (ICLR 2014, eq. 10): the negative log-likelihood of the pixels given the code, plus the divergence of the
// code's law from a standard normal.
#include <fmt/core.h>

#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

struct Autoencoder : nn::Module {
  nn::Linear encode = register_module("encode", nn::Linear(784, 128));
  nn::Linear to_mean = register_module("to_mean", nn::Linear(128, 8));
  nn::Linear to_log_variance = register_module("to_log_variance", nn::Linear(128, 8));
  nn::Linear decode = register_module("decode", nn::Linear(8, 128));
  nn::Linear to_logits = register_module("to_logits", nn::Linear(128, 784));

  /// The bound in nats an image. `noise` makes the code a sample of its law.
  Tensor loss(const Tensor& images, const Tensor& noise) const {
    const Tensor hidden = relu(encode(images));
    const Tensor mean = to_mean(hidden), log_variance = to_log_variance(hidden);
    const Tensor code = mean + exp(0.5 * log_variance) * noise;
    const Tensor logits = to_logits(relu(decode(code)));
    const double count = static_cast<double>(images.size(0));
    const Tensor likelihood = F::binary_cross_entropy_with_logits(logits, images, {.reduction = Reduction::sum});
    const Tensor divergence = 0.5 * sum(square(mean) + exp(log_variance) - log_variance - 1.0);
    return (likelihood + divergence) / count;
  }
};

int main() {
  nn::manual_seed(1);
  data::Source source = data::load_fashion_mnist();
  const data::Dataset images = source.train.flatten();
  data::DataLoader loader(images, {.batch_size = 128, .shuffle = true, .seed = 1});

  const Autoencoder model;
  optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
  std::uint64_t step = 0;
  double first = 0, last = 0;
  for (const data::Batch& batch : loader) {
    const Tensor loss = model.loss(batch.inputs, Tensor::randn({batch.size(), 8}, 2, step));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    last = step == 0 ? loss.item() : 0.98 * last + 0.02 * loss.item();
    if (step == 0) first = last;
    if (++step % 100 == 0) fmt::print("step {}: {:.1f} nats an image\n", step, last);
  }
  fmt::print("from {:.1f} to {:.1f} nats an image in one epoch\n", first, last);
  return last < 280 ? 0 : 1;
}
