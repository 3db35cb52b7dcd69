// Layers: just enough to train. Each is a module and a function of one tensor.
#pragma once

#include <functional>

#include "perdita/nn/module.hpp"

namespace perdita::nn {

/// Seeds what layers draw from here on: weights at construction, masks of dropout.
void manual_seed(std::uint64_t seed);

/// x W^T + b for x [..., in]; W [out, in] and b [out] start uniform in +-1/sqrt(in), as PyTorch's.
class Linear : public Module {
 public:
  /// Throws ValueError unless both sizes are positive.
  Linear(std::int64_t in_features, std::int64_t out_features, bool bias = true);
  /// Throws ShapeError unless the last size of x is in_features.
  Tensor operator()(const Tensor& x) const;

  Tensor weight;
  Tensor bias;  ///< undefined without one
};

/// scale cos(x, w_k) for x [..., in] and the rows w_k of W [out, in], without a bias: the last layer of a classifier
/// whose classes differ in direction alone, so that frequent classes cannot win by long weights. 0 for x or w_k of
/// length 0. W starts uniform in +-1, each row then divided by its length. The scale is saved with the weights, as
/// `scale`.
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

/// While training, zeroes each element with probability p and divides the others by 1 - p; nothing in evaluation.
/// Masks depend on the seed and on how many were drawn before, which state_dict() holds as `draws`.
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

/// Layers one after another, named "0", "1", ...
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
