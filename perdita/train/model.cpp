#include "perdita/train/model.hpp"

#include <array>
#include <cmath>

#include "perdita/core/error.hpp"

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

std::string_view name_of(Head head) {
  switch (head) {
    case Head::identity:
      return "identity";
    case Head::sigmoid:
      return "sigmoid";
    case Head::softplus:
      return "softplus";
    case Head::log_softmax:
      return "log_softmax";
    case Head::mean_and_variance:
      return "mean_and_variance";
  }
  return "unknown";
}

Scaling scaling_of(const Array& values) {
  const std::int64_t rows = values.shape[0], columns = rows == 0 ? 0 : values.size() / rows;
  const auto k = static_cast<std::size_t>(columns);
  std::vector<double> mean(k), deviation(k);
  visit_floating(values.dtype, "scaling_of", [&]<class T>() {
    const T* x = values.data<T>();
    const auto each = [&](auto&& visit) {
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < k; ++j) visit(j, static_cast<double>(x[static_cast<std::size_t>(i) * k + j]));
      }
    };
    const double n = static_cast<double>(rows);
    each([&](std::size_t j, double v) { mean[j] += v / n; });
    // A second pass: the difference of squares would lose columns that are far from zero.
    each([&](std::size_t j, double v) { deviation[j] += (v - mean[j]) * (v - mean[j]) / n; });
  });
  std::vector<float> means, deviations;
  for (std::size_t j = 0; j < k; ++j) {
    const double d = std::sqrt(deviation[j]);
    const bool constant = !(d > 1e-12 * std::abs(mean[j])) || !(static_cast<float>(d) > 0.0f);
    means.push_back(static_cast<float>(mean[j]));
    deviations.push_back(constant ? 1.0f : static_cast<float>(d));
  }
  return {Tensor::from(means), Tensor::from(deviations)};
}

data::PixelScale pixel_scale_of(const Array& images) {
  std::array<std::int64_t, 256> counts{};
  const std::uint8_t* pixels = images.data<std::uint8_t>();
  for (std::int64_t i = 0; i < images.size(); ++i) ++counts[pixels[i]];
  const auto mean_of = [&](auto&& f) {
    double sum = 0;
    for (std::size_t v = 0; v < 256; ++v) sum += static_cast<double>(counts[v]) * f(static_cast<double>(v) / 255);
    return images.size() == 0 ? 0 : sum / static_cast<double>(images.size());
  };
  const double mean = mean_of([](double x) { return x; });
  const double deviation = std::sqrt(mean_of([=](double x) { return (x - mean) * (x - mean); }));
  return {mean, deviation > 0 ? deviation : 1};
}

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

Tensor Mlp::operator()(const Tensor& x) const {
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

std::string Mlp::sizes() const {
  std::string text = fmt::format("{}", options_.inputs);
  for (std::int64_t size : options_.hidden) text += fmt::format("-{}", size);
  return text + fmt::format("-{}", options_.outputs);
}

}  // namespace perdita::train
