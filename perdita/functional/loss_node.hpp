// The node that a loss adds to the graph: its kernel writes the gradients together with the value, and backward() only
// multiplies them by the upstream gradient.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "perdita/functional/reduce_losses.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita::detail {

/// Outputs of a kernel; null if not needed.
template <class T, std::size_t inputs>
struct KernelOutputs {
  std::array<T*, inputs> gradients{};  ///< scale * the derivative of the sum of all losses with respect to each input
  double scale = 1;
  T* losses = nullptr;
  T* margins = nullptr;  ///< see LossExtras
  bool* hits = nullptr;
};

/// How the losses of a call become its result.
struct LossNode {
  const char* function;
  Shape losses_shape;
  Reduction reduction;
  double denominator;  ///< of the sum; 1 unless the reduction is a mean
  LossExtras* extras = nullptr;
  bool has_margins = false;  ///< whether the extras have margins and hits
  int reduced_dim = -1;      ///< the dimension of the inputs that the losses lack, or -1
  bool is_weighted = false;  ///< whether elements have weights: if these sum to 0, the gradient is not defined
  std::optional<double> expected_upstream = {};  ///< see LossOptions
};

/// The result of the reduction `node` of the losses of `inputs`. compute(KernelOutputs) runs the kernel and returns the
/// sum of all losses; make_record() returns a function of BackwardContext that sets the gradients by recorded
/// operators, for second derivatives.
template <class T, std::size_t n, class Compute, class MakeRecord>
Tensor loss_node(const LossNode& node, const std::array<const Tensor*, n>& inputs, const Compute& compute,
                 const MakeRecord& make_record) {
  const bool reduces = node.reduction != Reduction::none;
  const DType dtype = dtype_of<T>();
  LossExtras found{.losses = !reduces || node.extras ? Tensor::empty(node.losses_shape, dtype) : Tensor(),
                   .denominator = node.denominator};
  if (node.extras && node.has_margins) {
    found.margins = Tensor::empty(node.losses_shape, dtype);
    found.hits = Tensor::empty(node.losses_shape, DType::boolean);
  }
  KernelOutputs<T, n> outputs{.scale = 1 / node.denominator,
                              .losses = found.losses.defined() ? found.losses.mutable_data<T>() : nullptr,
                              .margins = found.margins.defined() ? found.margins.mutable_data<T>() : nullptr,
                              .hits = found.hits.defined() ? found.hits.mutable_data<bool>() : nullptr};
  std::array<Tensor, n> gradients;
  bool wants_gradients = false;
  for (std::size_t k = 0; k < n; ++k) {
    if (!needs_grad({inputs[k]})) continue;
    wants_gradients = true;
    gradients[k] = Tensor::empty(inputs[k]->shape(), dtype);
    outputs.gradients[k] = gradients[k].template mutable_data<T>();
  }
  found.numerator = compute(std::as_const(outputs));
  Tensor result = reduces ? Tensor::empty({}, dtype) : found.losses.detach();
  if (reduces) *result.mutable_data<T>() = static_cast<T>(found.numerator / node.denominator);
  if (node.extras) *node.extras = std::move(found);
  if (node.denominator == 0) return mean_of_nothing(node.function, dtype, inputs);
  if (!wants_gradients) return result;
  return make_node(node.function, result, std::span<const Tensor* const>(inputs),
                   [gradients, reduced_dim = node.reduced_dim, record = make_record()](BackwardContext& b) mutable {
                     if (b.create_graph()) return record(b);
                     for (std::size_t k = 0; k < n; ++k) {
                       if (b.wants(static_cast<int>(k)))
                         scale_gradient(b, gradients[k], reduced_dim, static_cast<int>(k));
                     }
                   });
}

/// The denominator of losses of `shape` without weights.
inline double denominator_without_weights(const LossOptions& options, const Shape& shape) {
  if (options.reduction == Reduction::none || options.reduction == Reduction::sum) return 1;
  const double count = static_cast<double>(numel(shape));
  const bool by_batch = options.reduction == Reduction::batchmean;
  return denominator_of(by_batch ? Normalize::batch : options.normalize_by, shape, count, count);
}

/// Losses of `shape` without weights, reduced as the options say.
inline LossNode node_without_weights(const char* function, const Shape& shape, const LossOptions& options,
                                     int reduced_dim = -1) {
  return {.function = function,
          .losses_shape = shape,
          .reduction = options.reduction,
          .denominator = denominator_without_weights(options, shape),
          .extras = options.extras,
          .reduced_dim = reduced_dim};
}

/// The same options without extras, for a loss that is computed again after the call.
inline LossOptions without_extras(LossOptions options) {
  options.extras = nullptr;
  return options;
}

/// Whether a kernel may walk these: dense arrays of one shape.
inline bool are_dense_alike(std::initializer_list<const Tensor*> tensors) {
  const Shape& shape = (*tensors.begin())->shape();
  for (const Tensor* tensor : tensors) {
    if (tensor->shape() != shape || !tensor->is_contiguous()) return false;
  }
  return true;
}

/// The rule that can itself be differentiated: sets the gradients of formula(inputs), which consists of recorded
/// operators, with respect to the inputs that need them.
template <class Formula>
void set_recorded_gradients(BackwardContext& b, std::span<const Saved> inputs, const Formula& formula) {
  // Views, because an input may be given twice or depend on another: each has its own derivative.
  std::vector<Tensor> views, wanted;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    views.push_back(inputs[k].get(b.name()).unsqueeze(0).squeeze(0));
    if (b.wants(static_cast<int>(k))) wanted.push_back(views[k]);
  }
  const std::vector<Tensor> found =
      grad({formula(std::span<const Tensor>(views))}, wanted, {.grad_outputs = {b.upstream()}, .create_graph = true});
  for (std::size_t k = 0, next = 0; k < inputs.size(); ++k) {
    if (b.wants(static_cast<int>(k))) b.set(static_cast<int>(k), found[next++]);
  }
}

/// Sets gradients as loss_node() needs it, from formula(inputs), the same reduced loss by recorded operators.
template <std::size_t n, class Formula>
auto recorded_formula(const std::array<Tensor, n>& inputs, Formula formula) {
  std::array<Saved, n> saved;
  for (std::size_t k = 0; k < n; ++k) saved[k] = Saved(inputs[k]);
  return [saved, formula = std::move(formula)](BackwardContext& b) { set_recorded_gradients(b, saved, formula); };
}

/// The loss of `inputs` without weights, whose losses have the shape `losses_shape`, which is theirs or lacks their
/// last dimension. compute: see loss_node(); formula: see recorded_formula().
template <class T, std::size_t n, class Compute, class Formula>
Tensor kernel_loss(const char* function, const std::array<Tensor, n>& inputs, const Shape& losses_shape,
                   const LossOptions& options, const Compute& compute, const Formula& formula) {
  const int rank = inputs[0].rank(), reduced_dim = losses_shape.rank() < rank ? rank - 1 : -1;
  std::array<const Tensor*, n> given;
  for (std::size_t k = 0; k < n; ++k) given[k] = &inputs[k];
  return loss_node<T>(node_without_weights(function, losses_shape, options, reduced_dim), given, compute,
                      [&] { return recorded_formula(inputs, formula); });
}

}  // namespace perdita::detail
