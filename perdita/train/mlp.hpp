// The network that `perdita train` trains: a multi-layer perceptron that takes inputs as they are and gives what its
// loss takes, so that a saved model is complete.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "perdita/nn/layers.hpp"
#include "perdita/train/head.hpp"
#include "perdita/train/model.hpp"
#include "perdita/train/scaling.hpp"

namespace perdita::train {

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
class Mlp final : public Model {
 public:
  explicit Mlp(const MlpOptions& options);
  /// x [N, ...]; each sample is taken as one row.
  Tensor forward(const Tensor& x) const override;
  ModelDescription description() const override;

 private:
  Tensor apply_head(const Tensor& y) const;

  MlpOptions options_;
  nn::Sequential layers_;
};

}  // namespace perdita::train
