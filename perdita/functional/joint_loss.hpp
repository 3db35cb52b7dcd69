// Losses each of which depends on the whole input, for example because a sample is compared with all others of the
// batch.
#pragma once

#include <limits>
#include <vector>

#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"

namespace perdita::detail {

/// Where a kernel in float64 writes losses[i], and the derivatives of sum_i coefficients[i] loss_i with respect to the
/// input unless `gradient` is null.
struct JointOutputs {
  const double* coefficients;
  double* losses;
  double* gradient = nullptr;
};

/// The weight of each loss, as doubles; ones without weights. Throws ShapeError.
inline std::vector<double> weights_of_losses(const char* function, const Tensor& weight, const Shape& losses) {
  const auto count = static_cast<std::size_t>(numel(losses));
  if (!weight.defined()) return std::vector<double>(count, 1.0);
  if (weight.rank() > 0 && weight.shape() != losses && weight.shape() != Shape{1}) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the shape {} of the losses", function,
                     weight.shape(), losses);
  }
  return weight.detach().to(DType::float64).expand(losses).contiguous().to_vector<double>();
}

/// Runs compute(x, JointOutputs) on the elements of `input`, and returns the gradient if `wants_gradient`.
template <class Compute>
Tensor compute_jointly(const Tensor& input, const std::vector<double>& coefficients, std::vector<double>& losses,
                       bool wants_gradient, const Compute& compute) {
  const std::vector<double> x = input.detach().to(DType::float64).to_vector<double>();
  std::vector<double> gradient(wants_gradient ? x.size() : 0);
  compute(x.data(), JointOutputs{coefficients.data(), losses.data(), wants_gradient ? gradient.data() : nullptr});
  return wants_gradient ? Tensor::from(gradient, input.shape()).to(input.dtype()) : Tensor();
}

/// The sum of weighted losses over the denominator. A mean is 0 if no loss is counted, and NaN if there are no losses.
inline double reduced(double total, const LossNode& node) {
  if (node.denominator != 0) return total / node.denominator;
  return numel(node.losses_shape) == 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

/// The losses of `input`, each times its weight, reduced as `node` describes. compute(x, JointOutputs) runs the kernel,
/// and runs it again in backward() if the reduction is none; it must own what it captures. formula: see
/// recorded_formula().
template <class Compute, class Formula>
Tensor joint_loss(const LossNode& node, const Tensor& input, const std::vector<double>& weights, const Compute& compute,
                  const Formula& formula) {
  const bool reduces = node.reduction != Reduction::none;
  std::vector<double> losses(weights.size()), coefficients(weights);
  for (double& c : coefficients) c = node.denominator == 0 ? 0.0 : c / node.denominator;
  Tensor gradient = compute_jointly(input, coefficients, losses, reduces && needs_grad({&input}), compute);

  double total = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    losses[i] = weights[i] == 0 ? 0.0 : weights[i] * losses[i];
    total += losses[i];
  }
  const Tensor of_units = Tensor::from(losses, node.losses_shape).to(input.dtype());
  if (node.extras) *node.extras = {.losses = of_units, .numerator = total, .denominator = node.denominator};
  const Tensor result = reduces ? Tensor::full({}, reduced(total, node), input.dtype()) : of_units.detach();
  return make_node(node.function, result, {&input},
                   [gradient, saved = Saved(input), reduces, weights, compute, formula](BackwardContext& b) mutable {
                     if (b.create_graph()) return set_recorded_gradients(b, {&saved, 1}, formula);
                     const Tensor& x = saved.get(b.name());
                     if (reduces) return scale_gradient(b, gradient);
                     std::vector<double> upstream = b.upstream().to(DType::float64).to_vector<double>();
                     for (std::size_t i = 0; i < upstream.size(); ++i) upstream[i] *= weights[i];
                     std::vector<double> unused(upstream.size());
                     b.set(0, compute_jointly(x, upstream, unused, true, compute));
                   });
}

}  // namespace perdita::detail
