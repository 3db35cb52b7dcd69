// A loss whose kernel writes gradients together with the value, as one node of the graph.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "perdita/functional/pair_loss.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita::detail {

/// What a kernel is to write; null for what is not wanted.
template <class T, std::size_t inputs>
struct KernelOutputs {
  std::array<T*, inputs> gradients{};  ///< scale * the derivative of the sum of all losses, by each input
  double scale = 1;
  T* losses = nullptr;
};

/// The kernel of a formula of three operands, which writes gradients by the first two.
template <class T, class Formula>
double of_two(const Formula& formula, const std::array<const T*, 3>& in, const KernelOutputs<T, 2>& out,
              std::int64_t count) {
  kernels::ElementwiseOutputs<T> to{
      .values = out.losses, .gradient = out.gradients[0], .second_gradient = out.gradients[1], .scale = out.scale};
  Buffer unused;  // the second comes beside the first only
  if (to.second_gradient && !to.gradient) {
    unused = Buffer::allocate(static_cast<std::size_t>(count) * sizeof(T));
    to.gradient = static_cast<T*>(unused.data());
  }
  return kernels::elementwise<Formula, T, 3>(formula, in, to, count);
}

/// What the sum of losses of `shape` is divided by where they have no weights.
inline double denominator_without_weights(const LossOptions& options, const Shape& shape) {
  if (options.reduction == Reduction::none || options.reduction == Reduction::sum) return 1;
  const double count = static_cast<double>(numel(shape));
  const bool by_batch = options.reduction == Reduction::batchmean;
  return denominator_of(by_batch ? Normalize::batch : options.normalize_by, shape, count, count);
}

/// For what is computed again later, when nobody waits for extras.
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

/// The rule that can be differentiated itself: hands on the gradients of formula(inputs), which is made of recorded
/// operators, by those inputs that are wanted.
template <class Formula>
void set_recorded_gradients(BackwardContext& b, std::span<const Saved> inputs, const Formula& formula) {
  // Views, for an input may be given twice or be made of another: each has its own derivative.
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

/// The reduced loss of `inputs`, whose losses have the shape `losses_shape`, which is theirs or lacks their last
/// dimension. compute(KernelOutputs) runs the kernel and returns the sum of all losses; formula(inputs) is the same
/// reduced loss by recorded operators, for second derivatives.
template <class T, std::size_t n, class Compute, class Formula>
Tensor kernel_loss(const char* function, const std::array<Tensor, n>& inputs, const Shape& losses_shape,
                   const LossOptions& options, const Compute& compute, Formula formula) {
  const bool reduces = options.reduction != Reduction::none;
  const double denominator = denominator_without_weights(options, losses_shape);
  const DType dtype = inputs[0].dtype();
  const Tensor losses = !reduces || options.extras ? Tensor::empty(losses_shape, dtype) : Tensor();
  KernelOutputs<T, n> outputs{.scale = 1 / denominator,
                              .losses = losses.defined() ? losses.mutable_data<T>() : nullptr};
  std::array<Tensor, n> gradients;
  std::array<Saved, n> saved;
  for (std::size_t k = 0; k < n; ++k) {
    saved[k] = Saved(inputs[k]);
    if (!needs_grad({&inputs[k]})) continue;
    gradients[k] = Tensor::empty(inputs[k].shape(), dtype);
    outputs.gradients[k] = gradients[k].template mutable_data<T>();
  }
  const double total = compute(outputs);
  if (options.extras) *options.extras = {.losses = losses, .numerator = total, .denominator = denominator};
  Tensor result = reduces ? Tensor::empty({}, dtype) : losses.detach();
  if (reduces) *result.mutable_data<T>() = static_cast<T>(total / denominator);

  const int rank = inputs[0].rank(), reduced_dim = losses_shape.rank() < rank ? rank - 1 : -1;
  return make_node(function, result, std::span<const Tensor>(inputs),
                   [gradients, saved, reduced_dim, formula = std::move(formula)](BackwardContext& b) mutable {
                     if (!b.create_graph()) {
                       for (std::size_t k = 0; k < n; ++k) {
                         const int input = static_cast<int>(k);
                         if (b.wants(input)) scale_gradient(b, gradients[k], reduced_dim, input);
                       }
                       return;
                     }
                     set_recorded_gradients(b, saved, formula);
                   });
}

}  // namespace perdita::detail
