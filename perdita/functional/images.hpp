// Losses of images: their operands, and how a kernel and recorded operators become the result.
#pragma once

#include <numeric>
#include <span>
#include <vector>

#include "perdita/functional/joint_loss.hpp"
#include "perdita/functional/loss_call.hpp"

namespace perdita::detail {

/// The sizes of a tensor of images.
struct ImageSizes {
  std::int64_t images, channels, height, width;
  Shape losses;  ///< [N], or [] for one image

  Shape shape() const { return {images, channels, height, width}; }
};

/// Throws ShapeError unless `images` is [N, C, H, W] or [C, H, W] and has channels.
ImageSizes image_sizes(const char* function, const char* argument, const Tensor& images);

/// The losses of `inputs`, which have one dtype, reduced as the options say. compute: see joint_loss().
/// losses_of(tensors) returns the losses by recorded operators, for second derivatives and gradients of weights.
template <class Compute, class LossesOf>
Tensor image_loss(const char* function, const Shape& shape, const std::vector<Tensor>& inputs,
                  const LossOptions& options, const Compute& compute, const LossesOf& losses_of) {
  const DType dtype = inputs[0].dtype();
  const std::vector<double> weights = weights_of_losses(function, options.weight, shape);
  LossNode node = node_without_weights(function, shape, options);
  if (options.reduction == Reduction::mean && options.normalize_by == Normalize::weight_sum)
    node.denominator = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (node.denominator == 0) {
    if (options.extras) *options.extras = {.losses = Tensor::zeros(shape, dtype), .denominator = 0};
    std::vector<const Tensor*> given;
    for (const Tensor& input : inputs) given.push_back(&input);
    return mean_of_nothing(function, dtype, given);
  }
  const auto recorded = [=](std::span<const Tensor> x, const LossOptions& how) {
    const Tensor result = reduce_losses(function, losses_of(x), how, Normalize::count);
    if (how.extras) how.extras->losses = how.extras->losses.to(dtype);
    return result.to(dtype);
  };
  if (options.weight.defined() && needs_grad({&options.weight})) return recorded(inputs, options);
  return joint_loss(
      node, inputs, weights, compute,
      [recorded, kept = without_extras(options)](std::span<const Tensor> x) { return recorded(x, kept); });
}

}  // namespace perdita::detail
