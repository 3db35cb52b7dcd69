#include "perdita/nn/layers.hpp"

#include <cmath>
#include <mutex>

namespace perdita::nn {

namespace {

/// Where layers draw from: one stream after another under one seed.
struct Draws {
  std::mutex mutex;
  std::uint64_t seed = 0, stream = 0;
};
Draws& draws() {
  static Draws all;
  return all;
}

struct Source {
  std::uint64_t seed, stream;
};
Source next_source() {
  Draws& all = draws();
  std::lock_guard lock(all.mutex);
  return {all.seed, all.stream++};
}

Tensor uniform(const Shape& shape, double bound) {
  const Source source = next_source();
  NoGrad no_grad;
  return (Tensor::rand(shape, source.seed, source.stream) * (2 * bound) - bound).contiguous();
}

void check_sizes(std::string_view layer, std::int64_t in_features, std::int64_t out_features) {
  if (in_features >= 1 && out_features >= 1) return;
  fail<ValueError>("{}: in_features is {} and out_features {} (valid: 1 or more)", layer, in_features, out_features);
}

/// x W^T.
Tensor products(std::string_view layer, const Tensor& x, const Tensor& weight) {
  const std::int64_t in_features = weight.size(1);
  if (x.rank() == 0 || x.shape().back() != in_features) {
    fail<ShapeError>("{}: input has shape {} (valid: [..., {}])", layer, x.shape(), in_features);
  }
  if (x.rank() <= 2) return matmul(x, weight.t());
  Shape shape = x.shape();
  shape[shape.rank() - 1] = weight.size(0);
  return matmul(x.reshape({-1, in_features}), weight.t()).reshape(shape);
}

/// Rows divided by their lengths. Those below 1e-12 are divided by that (and have a derivative, unlike a root of 0).
Tensor of_length_one(const Tensor& rows) {
  if (rows.rank() == 0) return rows;  // products() refuses it
  return rows / sqrt(max(sum(square(rows), -1, true), 1e-24));
}

}  // namespace

void manual_seed(std::uint64_t seed) {
  Draws& all = draws();
  std::lock_guard lock(all.mutex);
  all.seed = seed;
  all.stream = 0;
}

Linear::Linear(std::int64_t in_features, std::int64_t out_features, bool with_bias) {
  check_sizes("Linear", in_features, out_features);
  const double bound = 1 / std::sqrt(static_cast<double>(in_features));
  weight = register_parameter("weight", uniform({out_features, in_features}, bound));
  if (with_bias) bias = register_parameter("bias", uniform({out_features}, bound));
}

Tensor Linear::operator()(const Tensor& x) const {
  const Tensor y = products("Linear", x, weight);
  return bias.defined() ? y + bias : y;
}

CosineLinear::CosineLinear(std::int64_t in_features, std::int64_t out_features, double scale) {
  check_sizes("CosineLinear", in_features, out_features);
  if (!(scale > 0)) fail<ValueError>("CosineLinear: scale is {} (valid: above 0)", scale);
  const NoGrad no_grad;
  weight = register_parameter("weight", of_length_one(uniform({out_features, in_features}, 1)).contiguous());
  scale_ = register_buffer("scale", Tensor::full({1}, scale));
}

Tensor CosineLinear::operator()(const Tensor& x) const {
  return products("CosineLinear", of_length_one(x), of_length_one(weight)) * scale_;
}

Dropout::Dropout(double p) : p_(p), seed_(0) {
  if (!(p >= 0 && p < 1)) fail<ValueError>("Dropout: p is {} (valid: 0 or more, below 1)", p);
  const Source source = next_source();
  seed_ = source.seed ^ (source.stream << 32);
  draws_ = register_buffer("draws", Tensor::zeros({1}, DType::int64));
}

Tensor Dropout::operator()(const Tensor& x) const {
  if (!is_training() || p_ == 0) return x;
  auto* const drawn = draws_.mutable_data<std::int64_t>();
  const Tensor u = Tensor::rand(x.shape(), seed_, static_cast<std::uint64_t>(++*drawn));
  return zero_unless(u.to(x.dtype()) >= p_, x) * (1 / (1 - p_));
}

}  // namespace perdita::nn
