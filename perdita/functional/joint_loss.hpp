// Losses each of which depends on the whole input, for example because a sample is compared with all others of the
// batch.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"

namespace perdita::detail {

/// Where a kernel writes losses[i], and the derivatives of sum_i coefficients[i] loss_i with respect to the input
/// unless `gradient` is null.
template <class T>
struct JointOutputs {
  const double* coefficients;
  double* losses;
  T* gradient = nullptr;
};

/// The weight of each loss, as doubles; ones without weights. Throws ShapeError.
inline std::vector<double> weights_of_losses(const char* function, const Tensor& weight, const Shape& losses) {
  const auto count = static_cast<std::size_t>(numel(losses));
  if (!weight.defined()) return std::vector<double>(count, 1.0);
  if (weight.rank() > 0 && weight.shape() != losses && weight.shape() != Shape{1}) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the shape {} of the losses", function,
                     weight.shape(), losses);
  }
  const Tensor factors = weight.detach().to(DType::float64);
  return (losses.rank() == 0 ? factors.reshape({}) : factors).expand(losses).contiguous().to_vector<double>();
}

/// The sum of weighted losses over the denominator. A mean is 0 if no loss is counted, and NaN if there are no losses.
inline double reduced(double total, const LossNode& node) {
  if (node.denominator != 0) return total / node.denominator;
  return numel(node.losses_shape) == 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

/// Task of the kernel of a joint loss: the losses of `inputs`, and the gradients of sum_i coefficients[i] losses[i]
/// with respect to the wanted inputs.
struct JointTask {
  std::span<const Tensor> inputs;
  const std::vector<double>& coefficients;
  std::vector<double>& losses;
  std::vector<bool> wanted;

  bool wants_any() const { return std::find(wanted.begin(), wanted.end(), true) != wanted.end(); }
};

/// For losses of one input: runs kernel(x, JointOutputs<T>) on its elements, narrow types as float32, and returns the
/// gradient if it is wanted.
template <class Kernel>
std::vector<Tensor> run_kernel(const JointTask& task, const Kernel& kernel) {
  const Tensor& input = task.inputs[0];
  const bool wants_gradient = task.wants_any();
  const DType dtype = input.dtype() == DType::float64 ? DType::float64 : DType::float32;
  const Tensor x = input.detach().to(dtype).contiguous();
  const Tensor gradient = wants_gradient ? Tensor::empty(input.shape(), dtype) : Tensor();
  visit_floating(dtype, "joint loss", [&]<class T>() {
    kernel(x.data<T>(), JointOutputs<T>{.coefficients = task.coefficients.data(),
                                        .losses = task.losses.data(),
                                        .gradient = wants_gradient ? gradient.mutable_data<T>() : nullptr});
  });
  return {wants_gradient ? gradient.to(input.dtype()) : Tensor()};
}

/// The losses of `inputs`, each times its weight, reduced as `node` describes. compute(JointTask) runs the kernel and
/// returns the gradients, undefined where they are not wanted; it runs again in backward() if the reduction is none,
/// and must own what it captures. formula: see recorded_formula().
template <class Compute, class Formula>
Tensor joint_loss(const LossNode& node, const std::vector<Tensor>& inputs, const std::vector<double>& weights,
                  const Compute& compute, const Formula& formula) {
  const bool reduces = node.reduction != Reduction::none;
  const DType dtype = inputs[0].dtype();
  std::vector<double> losses(weights.size()), coefficients(weights);
  for (double& c : coefficients) c = node.denominator == 0 ? 0.0 : c / node.denominator;
  std::vector<bool> wanted;
  std::vector<Saved> saved;
  for (const Tensor& input : inputs) {
    wanted.push_back(needs_grad({&input}));
    saved.emplace_back(input);
  }
  std::vector<Tensor> gradients =
      compute(JointTask{inputs, coefficients, losses, reduces ? wanted : std::vector<bool>(inputs.size())});

  double total = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    losses[i] = weights[i] == 0 ? 0.0 : weights[i] * losses[i];
    total += losses[i];
  }
  const Tensor of_units = Tensor::from(losses, node.losses_shape).to(dtype);
  if (node.extras) *node.extras = {.losses = of_units, .numerator = total, .denominator = node.denominator};
  const Tensor result = reduces ? Tensor::full({}, reduced(total, node), dtype) : of_units.detach();
  return make_node(node.function, result, std::span<const Tensor>(inputs),
                   [gradients, saved, reduces, weights, wanted, compute, formula](BackwardContext& b) mutable {
                     if (b.create_graph()) return set_recorded_gradients(b, saved, formula);
                     std::vector<Tensor> x;
                     for (const Saved& input : saved) x.push_back(input.get(b.name()));
                     if (!reduces) {
                       std::vector<double> upstream = b.upstream().to(DType::float64).to_vector<double>();
                       for (std::size_t i = 0; i < upstream.size(); ++i) upstream[i] *= weights[i];
                       std::vector<double> unused(upstream.size());
                       gradients = compute(JointTask{x, upstream, unused, wanted});
                     }
                     for (std::size_t i = 0; i < x.size(); ++i) {
                       const int k = static_cast<int>(i);
                       if (!b.wants(k)) continue;
                       if (reduces)
                         scale_gradient(b, gradients[i], -1, k);
                       else
                         b.set(k, gradients[i]);
                     }
                   });
}

}  // namespace perdita::detail
