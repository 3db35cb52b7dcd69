#include "perdita/train/mlp.hpp"

#include <utility>

namespace perdita::train {

namespace {

/// Holds a scaling's tensors as buffers, so that they are saved with the model.
struct ScalingModule : nn::Module {
  explicit ScalingModule(const Scaling& scaling) {
    register_buffer("mean", scaling.mean);
    register_buffer("deviation", scaling.deviation);
  }
};

}  // namespace

Mlp::Mlp(const MlpOptions& options) : options_(options) {
  if (options.input_scaling.mean.defined()) register_module("input", ScalingModule(options.input_scaling));
  const std::int64_t last = options.head == Head::mean_and_variance ? 2 * options.outputs : options.outputs;
  std::int64_t width = options.inputs;
  for (std::int64_t size : options.hidden) {
    layers_.add(nn::Linear(width, size));
    layers_.add(nn::ReLU());
    if (options.dropout > 0) layers_.add(nn::Dropout(options.dropout));
    width = size;
  }
  if (options.cosine_scale) {
    layers_.add(nn::CosineLinear(width, last, *options.cosine_scale));
  } else {
    layers_.add(nn::Linear(width, last));
  }
  register_module("layers", layers_);
  if (options.output_scaling.mean.defined()) register_module("output", ScalingModule(options.output_scaling));
}

Tensor Mlp::forward(const Tensor& x) const {
  Tensor rows = x.rank() == 2 ? x : x.reshape({x.size(0), -1});
  if (const Scaling& s = options_.input_scaling; s.mean.defined()) rows = (rows - s.mean) / s.deviation;
  return apply_head(layers_(rows));
}

Tensor Mlp::apply_head(const Tensor& y) const {
  const Scaling& s = options_.output_scaling;
  const bool scaled = s.mean.defined();
  switch (options_.head) {
    case Head::identity:
      return scaled ? y * s.deviation + s.mean : y;
    case Head::sigmoid:
      return sigmoid(y);
    case Head::softplus:
      return softplus(y);
    case Head::log_softmax:
      return log_softmax(y, 1);
    case Head::mean_and_variance: {
      const Tensor mean = y.slice(1, 0, options_.outputs);
      const Tensor variance = softplus(y.slice(1, options_.outputs, 2 * options_.outputs));
      return scaled ? cat({mean * s.deviation + s.mean, variance * square(s.deviation)}, 1) : cat({mean, variance}, 1);
    }
  }
  return y;
}

ModelDescription Mlp::description() const {
  std::string sizes = fmt::format("{}", options_.inputs);
  for (std::int64_t size : options_.hidden) sizes += fmt::format("-{}", size);
  sizes += fmt::format("-{}", options_.outputs);
  return {.kind = "mlp", .article = "an", .title = "MLP", .sizes = std::move(sizes)};
}

}  // namespace perdita::train
