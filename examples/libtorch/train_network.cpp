// A convolutional network of LibTorch, trained with a loss of Perdita: images of stripes, which are classified by their
// direction. Prints the loss of each epoch.
#include <torch/torch.h>

#include <cstdio>
#include <numbers>
#include <perdita/torch.hpp>

namespace F = perdita::libtorch;

constexpr int classes = 4, size = 12;

struct Network : torch::nn::Module {
  Network() {
    convolution1 = register_module("convolution1", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 3).padding(1)));
    convolution2 = register_module("convolution2", torch::nn::Conv2d(torch::nn::Conv2dOptions(8, 16, 3).padding(1)));
    output = register_module("output", torch::nn::Linear(16 * (size / 4) * (size / 4), classes));
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::max_pool2d(torch::relu(convolution1(x)), 2);
    x = torch::max_pool2d(torch::relu(convolution2(x)), 2);
    return output(x.flatten(1));
  }
  torch::nn::Conv2d convolution1{nullptr}, convolution2{nullptr};
  torch::nn::Linear output{nullptr};
};

/// Stripes in one of four directions, with a random phase and noise.
torch::Tensor images_of(const torch::Tensor& labels) {
  const torch::Tensor position = torch::arange(size, torch::kFloat);
  const torch::Tensor angle = (labels * (std::numbers::pi / classes)).view({-1, 1, 1, 1});
  const torch::Tensor phase = 6.28 * torch::rand({labels.size(0), 1, 1, 1});
  const torch::Tensor along =
      position.view({1, 1, 1, size}) * angle.cos() + position.view({1, 1, size, 1}) * angle.sin();
  const torch::Tensor stripes = torch::sin(1.6 * along + phase);
  return stripes + 0.5 * torch::randn_like(stripes);
}

double accuracy_of(Network& network, const torch::Tensor& images, const torch::Tensor& labels) {
  const torch::NoGradGuard no_grad;
  return (network.forward(images).argmax(1) == labels).to(torch::kFloat).mean().item<double>();
}

int main() {
  torch::manual_seed(1);
  const torch::Tensor labels = torch::randint(classes, {1200}), test_labels = torch::randint(classes, {400});
  const torch::Tensor images = images_of(labels), test_images = images_of(test_labels);
  Network network;
  torch::optim::Adam optimizer(network.parameters(), torch::optim::AdamOptions(3e-3));

  double first = 0, last = 0;
  for (int epoch = 1; epoch <= 5; ++epoch) {
    double total = 0;
    const auto batches = torch::randperm(labels.size(0)).split(60);
    for (const torch::Tensor& batch : batches) {
      const torch::Tensor logits = network.forward(images.index_select(0, batch));
      const torch::Tensor loss = F::cross_entropy(logits, labels.index_select(0, batch), {.label_smoothing = 0.05});
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      total += loss.item<double>();
    }
    last = total / static_cast<double>(batches.size());
    if (epoch == 1) first = last;
    std::printf("epoch %d: loss %.4f\n", epoch, last);
  }
  const double accuracy = accuracy_of(network, test_images, test_labels);
  std::printf("accuracy on test images: %.3f\n", accuracy);
  return last < first && accuracy > 0.9 ? 0 : 1;
}
