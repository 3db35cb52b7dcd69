// Losses of which each depends on inputs of others, as where a sample is compared with all others of the batch.
#pragma once

#include <array>
#include <limits>
#include <vector>

#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"

namespace perdita::detail {

/// Writes losses[i], and the derivatives of sum_i coefficients[i] loss_i with respect to each input where the pointer
/// is not null.
template <class T, std::size_t n>
struct JointOutputs {
  const double* coefficients;
  double* losses;
  std::array<T*, n> gradients{};
};

/// The weight of each of the losses, as doubles; ones where there are none. Throws ShapeError.
inline std::vector<double> weights_of_losses(const char* function, const Tensor& weight, const Shape& losses) {
  const auto count = static_cast<std::size_t>(numel(losses));
  if (!weight.defined()) return std::vector<double>(count, 1.0);
  if (weight.rank() > 0 && weight.shape() != losses && weight.shape() != Shape{1}) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the losses' {}", function, weight.shape(), losses);
  }
  return weight.detach().to(DType::float64).expand(losses).contiguous().to_vector<double>();
}

/// Gradients of the inputs that are wanted, and where `out` writes them.
template <class T, std::size_t n, class IsWanted>
std::array<Tensor, n> new_gradients(const std::array<Tensor, n>& inputs, const IsWanted& is_wanted,
                                    JointOutputs<T, n>& out) {
  std::array<Tensor, n> gradients;
  for (std::size_t k = 0; k < n; ++k) {
    if (!is_wanted(k)) continue;
    gradients[k] = Tensor::empty(inputs[k].shape(), inputs[k].dtype());
    out.gradients[k] = gradients[k].template mutable_data<T>();
  }
  return gradients;
}

/// The result of losses that are weighted: their sum over the denominator. A mean over no loss that counts is 0, but
/// that of no losses at all is NaN.
inline double reduced(double total, const LossNode& node) {
  if (node.denominator != 0) return total / node.denominator;
  return numel(node.losses_shape) == 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

/// The losses of `inputs`, each times its weight, reduced as `node` says. compute(inputs, JointOutputs), which owns
/// what it needs, runs the kernel on dense inputs; where nothing is reduced, again in backward(). formula: see
/// recorded_formula().
template <class T, std::size_t n, class Compute, class Formula>
Tensor joint_loss(const LossNode& node, const std::array<Tensor, n>& inputs, const std::vector<double>& weights,
                  const Compute& compute, const Formula& formula) {
  const bool reduces = node.reduction != Reduction::none;
  std::vector<double> losses(weights.size()), coefficients(weights);
  for (double& c : coefficients) c = node.denominator == 0 ? 0.0 : c / node.denominator;
  JointOutputs<T, n> out{.coefficients = coefficients.data(), .losses = losses.data()};
  std::array<Tensor, n> gradients;
  if (reduces)
    gradients = new_gradients<T>(
        inputs, [&](std::size_t k) { return needs_grad({&inputs[k]}); }, out);
  compute(inputs, std::as_const(out));

  double total = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    losses[i] = weights[i] == 0 ? 0.0 : weights[i] * losses[i];
    total += losses[i];
  }
  const Tensor of_units = Tensor::from(losses, node.losses_shape).to(dtype_of<T>());
  if (node.extras) *node.extras = {.losses = of_units, .numerator = total, .denominator = node.denominator};
  const Tensor result = reduces ? Tensor::full({}, reduced(total, node), dtype_of<T>()) : of_units.detach();
  std::array<Saved, n> saved;
  for (std::size_t k = 0; k < n; ++k) saved[k] = Saved(inputs[k]);
  return make_node(node.function, result, std::span<const Tensor>(inputs),
                   [gradients, saved, reduces, weights, compute, formula](BackwardContext& b) mutable {
                     if (b.create_graph()) return set_recorded_gradients(b, saved, formula);
                     if (!reduces) {
                       std::array<Tensor, n> x;
                       for (std::size_t k = 0; k < n; ++k) x[k] = saved[k].get(b.name()).detach();
                       std::vector<double> upstream = b.upstream().to(DType::float64).template to_vector<double>();
                       for (std::size_t i = 0; i < upstream.size(); ++i) upstream[i] *= weights[i];
                       std::vector<double> unused(upstream.size());
                       JointOutputs<T, n> again{.coefficients = upstream.data(), .losses = unused.data()};
                       gradients = new_gradients<T>(
                           x, [&](std::size_t k) { return b.wants(static_cast<int>(k)); }, again);
                       compute(x, std::as_const(again));
                     }
                     for (std::size_t k = 0; k < n; ++k) {
                       const int input = static_cast<int>(k);
                       if (!b.wants(input)) continue;
                       if (reduces)
                         scale_gradient(b, gradients[k], -1, input);
                       else
                         b.set(input, std::move(gradients[k]));
                     }
                   });
}

}  // namespace perdita::detail
