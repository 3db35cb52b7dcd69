// Layers. Each is a module and a function of one tensor.
#pragma once

#include <functional>

#include "perdita/nn/module.hpp"

namespace perdita::nn {

/// Seeds the random numbers of layers constructed afterwards: initial weights and dropout masks.
void manual_seed(std::uint64_t seed);

/// x W^T + b for x [..., in]; W [out, in] and b [out] are initialized uniformly in +-1/sqrt(in), as in PyTorch.
class Linear : public Module {
 public:
  /// Throws ValueError unless both sizes are positive.
  Linear(std::int64_t in_features, std::int64_t out_features, bool bias = true);
  /// Throws ShapeError unless the last size of x is in_features.
  Tensor operator()(const Tensor& x) const;

  Tensor weight;
  Tensor bias;  ///< undefined without bias
};

/// scale cos(x, w_k) for x [..., in] and the rows w_k of W [out, in], without a bias: a last layer of classifiers whose
/// logits depend only on directions, so that frequent classes cannot dominate through the norm of their weights. 0 if
/// the norm of x or w_k is 0. W is initialized uniformly in +-1, with rows then normalized. The scale is saved with the
/// weights, as `scale`.
class CosineLinear : public Module {
 public:
  /// Throws ValueError unless both sizes and the scale are positive.
  CosineLinear(std::int64_t in_features, std::int64_t out_features, double scale = 1);
  /// Throws ShapeError unless the last size of x is in_features.
  Tensor operator()(const Tensor& x) const;

  Tensor weight;

 private:
  Tensor scale_;
};

/// max(x, 0), element by element.
struct ReLU : Module {
  Tensor operator()(const Tensor& x) const { return relu(x); }
};
/// 1 / (1 + exp(-x)), element by element.
struct Sigmoid : Module {
  Tensor operator()(const Tensor& x) const { return sigmoid(x); }
};
/// Hyperbolic tangent, element by element.
struct Tanh : Module {
  Tensor operator()(const Tensor& x) const { return tanh(x); }
};

/// In training mode, zeroes each element with probability p and divides the others by 1 - p; the identity in evaluation
/// mode. Masks depend on the seed and on the number of earlier draws, which state_dict() contains as `draws`.
class Dropout : public Module {
 public:
  /// Throws ValueError unless 0 <= p < 1.
  explicit Dropout(double p = 0.5);
  Tensor operator()(const Tensor& x) const;

 private:
  double p_;
  std::uint64_t seed_;
  Tensor draws_;
};

/// [N, ...] to [N, rest].
struct Flatten : Module {
  Tensor operator()(const Tensor& x) const { return x.rank() < 2 ? x : x.flatten(1); }
};

/// Layers applied in sequence, named "0", "1", ...
class Sequential : public Module {
 public:
  template <class... Layers>
  explicit Sequential(const Layers&... layers) {
    (add(layers), ...);
  }
  /// Appends a layer.
  template <class Layer>
  void add(const Layer& layer) {
    register_module(std::to_string(steps_.size()), layer);
    steps_.emplace_back(layer);
  }
  Tensor operator()(const Tensor& x) const {
    Tensor y = x;
    for (const auto& step : steps_) y = step(y);
    return y;
  }
  /// Number of layers.
  std::size_t size() const { return steps_.size(); }

 private:
  std::vector<std::function<Tensor(const Tensor&)>> steps_;
};

}  // namespace perdita::nn
