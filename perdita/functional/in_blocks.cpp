#include "perdita/functional/in_blocks.hpp"

#include <memory>

namespace perdita::detail {

namespace {

/// Denominator of the reduced loss.
double divisor_of(const BlockedLoss& loss, const LossOptions& options, const std::vector<double>& weights) {
  if (options.reduction == Reduction::none || options.reduction == Reduction::sum) return 1;
  double count = 0, weight_sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double of_unit = loss.counts.empty() ? 1.0 : loss.counts[i];
    count += of_unit;
    weight_sum += weights[i] * of_unit;
  }
  const bool by_batch = options.reduction == Reduction::batchmean;
  return denominator_of(by_batch ? Normalize::batch : options.normalize_by, {loss.units}, count, weight_sum);
}

Tensor as_tensor(const std::vector<double>& numbers, std::int64_t begin, std::int64_t end, DType dtype) {
  return Tensor::from(std::vector<double>(numbers.begin() + begin, numbers.begin() + end), {end - begin}).to(dtype);
}

/// The losses of all units with weights, divided by the denominator if they are reduced, by recorded operators.
Tensor recorded(const BlockedLoss& loss, const LossOptions& options, std::span<const Tensor> inputs,
                const Tensor& weights, const Tensor& denominator) {
  const Tensor losses = loss.losses_of(inputs, 0, loss.units);
  const Tensor weighted = weights.defined() ? losses * weights : losses;
  if (options.reduction == Reduction::none) return weighted;
  // Without anything that counts, the mean is 0 with gradients 0, and NaN without units.
  if (denominator.item() != 0) return sum(weighted) / denominator;
  return sum(weighted) * (loss.units == 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0);
}

/// With weights whose gradients are wanted.
Tensor with_recorded_weights(const BlockedLoss& loss, const LossOptions& options, double denominator) {
  const DType dtype = loss.inputs[0].dtype();
  const Tensor weights = options.weight.to(dtype).expand({loss.units});
  const bool by_weights = options.reduction == Reduction::mean && options.normalize_by == Normalize::weight_sum;
  Tensor divisor = Tensor::full({}, denominator, dtype);
  if (by_weights)
    divisor = loss.counts.empty() ? sum(weights) : sum(weights * as_tensor(loss.counts, 0, loss.units, dtype));
  if (options.extras) {
    const NoGrad no_grad;
    const Tensor losses = loss.losses_of(loss.inputs, 0, loss.units) * weights.detach();
    *options.extras = {.losses = losses, .numerator = sum(losses).item(), .denominator = denominator};
  }
  return recorded(loss, options, loss.inputs, weights, divisor);
}

}  // namespace

std::vector<Tensor> compute_in_blocks(const BlockedLoss& loss, const JointTask& task) {
  const NoGrad no_grad(!task.wants_any());
  std::vector<Tensor> x(task.inputs.size()), gradients(task.inputs.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = task.inputs[i].detach();
    if (!task.wanted[i]) continue;
    gradients[i] = Tensor::zeros(x[i].shape(), x[i].dtype());
    if (i >= loss.sliced) x[i].set_requires_grad();
  }
  for (std::int64_t begin = 0; begin < loss.units; begin += loss.units_at_a_time) {
    const std::int64_t end = std::min(loss.units, begin + loss.units_at_a_time);
    for (std::size_t i = 0; i < loss.sliced; ++i) {
      x[i] = task.inputs[i].detach().slice(0, begin, end).detach();
      if (task.wanted[i]) x[i].set_requires_grad();
    }
    const Tensor losses = loss.losses_of(x, begin, end);
    const std::vector<double> found = losses.detach().to_vector<double>();
    std::copy(found.begin(), found.end(), task.losses.begin() + begin);
    if (!task.wants_any()) continue;
    sum(losses * as_tensor(task.coefficients, begin, end, losses.dtype())).backward();
    for (std::size_t i = 0; i < loss.sliced; ++i)
      if (task.wanted[i] && x[i].grad().defined()) gradients[i].slice(0, begin, end).copy_(x[i].grad());
  }
  for (std::size_t i = loss.sliced; i < x.size(); ++i)
    if (task.wanted[i] && x[i].grad().defined()) gradients[i] = x[i].grad();
  return gradients;
}

Tensor loss_in_blocks(const BlockedLoss& loss, const LossOptions& options) {
  const std::vector<double> weights = weights_of_losses(loss.function, options.weight, {loss.units});
  const double denominator = divisor_of(loss, options, weights);
  if (options.weight.defined() && needs_grad({&options.weight}))
    return with_recorded_weights(loss, options, denominator);
  const LossNode node{.function = loss.function,
                      .losses_shape = {loss.units},
                      .reduction = options.reduction,
                      .denominator = denominator,
                      .extras = options.extras};
  const auto shared = std::make_shared<const BlockedLoss>(loss);
  const DType dtype = loss.inputs[0].dtype();
  const Tensor factors = options.weight.defined() ? as_tensor(weights, 0, loss.units, dtype) : Tensor();
  return joint_loss(
      node, loss.inputs, weights, [shared](const JointTask& task) { return compute_in_blocks(*shared, task); },
      [shared, options = without_extras(options), factors, denominator, dtype](std::span<const Tensor> x) {
        return recorded(*shared, options, x, factors, Tensor::full({}, denominator, dtype));
      });
}

}  // namespace perdita::detail
