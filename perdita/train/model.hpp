// The network that `perdita train` trains: a multi-layer perceptron that takes inputs as they are and gives what its
// loss takes, so that a saved model needs nothing beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/data/dataset.hpp"
#include "perdita/nn/layers.hpp"

namespace perdita::train {

/// What follows the last linear layer.
enum class Head {
  identity,
  sigmoid,            ///< a probability
  softplus,           ///< a positive number
  log_softmax,        ///< logarithms of class probabilities
  mean_and_variance,  ///< [N, 2K]: K means, then K positive variances
};
std::string_view name_of(Head head);

/// Mean and standard deviation of each column; 1 where a column is constant.
struct Scaling {
  Tensor mean, deviation;  ///< float32 [K], or undefined: no scaling
};
/// Of the rows of `values` [N, ...], each taken as one row of numbers.
Scaling scaling_of(const Array& values);
/// Of the pixels of uint8 images, all together.
data::PixelScale pixel_scale_of(const Array& images);

struct MlpOptions {
  std::int64_t inputs = 1, outputs = 1;  ///< outputs: columns that the head gives (K for mean_and_variance)
  std::vector<std::int64_t> hidden;
  double dropout = 0;
  Head head = Head::identity;
  std::optional<double> cosine_scale = {};  ///< the last layer gives cosines times this; none: it is linear
  Scaling input_scaling = {};               ///< subtracted and divided before the first layer
  Scaling output_scaling = {};  ///< multiplied and added after the last; only for identity and mean_and_variance
};

/// Linear layers with ReLU and dropout between them. Saved under: input.mean, input.deviation, layers.I.weight,
/// layers.I.bias (layers.I.scale of cosines), output.mean, output.deviation.
class Mlp : public nn::Module {
 public:
  explicit Mlp(const MlpOptions& options);
  /// x [N, ...]; each sample is taken as one row.
  Tensor operator()(const Tensor& x) const;
  /// "784-256-10".
  std::string sizes() const;

 private:
  Tensor apply_head(const Tensor& y) const;

  MlpOptions options_;
  nn::Sequential layers_;
};

}  // namespace perdita::train
