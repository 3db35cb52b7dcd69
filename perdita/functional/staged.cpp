#include "perdita/functional/staged.hpp"

#include <algorithm>
#include <numeric>

namespace perdita::detail {

namespace {

/// The dimensions in the order in which a dense tensor lies in memory; their own order for others.
Dims memory_order(const Tensor& tensor) {
  Dims order(tensor.rank(), 0);
  for (int i = 0; i < order.rank(); ++i) order[i] = i;
  if (tensor.is_contiguous()) return order;
  const auto by_stride = [&](std::int64_t a, std::int64_t b) {
    return tensor.strides()[static_cast<int>(a)] > tensor.strides()[static_cast<int>(b)];
  };
  Dims sorted = order;
  std::stable_sort(&sorted[0], &sorted[0] + sorted.rank(), by_stride);
  return tensor.permute(sorted).is_contiguous() ? sorted : order;
}

Dims permuted(const Dims& dims, const Dims& order) {
  Dims result = dims;
  for (int i = 0; i < order.rank(); ++i) result[i] = dims[static_cast<int>(order[i])];
  return result;
}

/// `tensor` as it broadcasts to `shape`, walked in `order`.
StridedArray walked(const Tensor& tensor, const Shape& shape, const Dims& order) {
  ensure_data(tensor);
  const Strides strides = broadcast_strides(tensor.shape(), tensor.strides(), shape);
  return strided_array(tensor.impl()->pointer(), tensor.dtype(), permuted(shape, order), permuted(strides, order));
}

bool broadcasts_to(const Shape& shape, const Shape& to) {
  if (shape.rank() > to.rank()) return false;
  for (int i = 1; i <= shape.rank(); ++i) {
    const std::int64_t size = shape[shape.rank() - i];
    if (size != 1 && size != to[to.rank() - i]) return false;
  }
  return true;
}

}  // namespace

bool is_dense(const Tensor& tensor) {
  return tensor.is_contiguous() || tensor.permute(memory_order(tensor)).is_contiguous();
}

Tensor empty_like(const Tensor& input, DType dtype) {
  if (input.is_contiguous()) return Tensor::empty(input.shape(), dtype);
  const Dims order = memory_order(input);
  Dims inverse = order;
  for (int i = 0; i < order.rank(); ++i) inverse[static_cast<int>(order[i])] = i;
  return Tensor::empty(permuted(input.shape(), order), dtype).permute(inverse);
}

bool can_be_staged(const Tensor& input, const Tensor& target, const LossOptions& options) {
  if (needs_grad({&target})) return false;
  if (!broadcasts_to(target.shape(), input.shape())) return false;
  for (const Tensor* weight : {&options.weight, &options.pos_weight}) {
    if (weight->defined() && (needs_grad({weight}) || !broadcasts_to(weight->shape(), input.shape()))) return false;
  }
  return true;
}

namespace {

/// The number of elements of `shape` whose target is NaN.
double missing_count(const Tensor& target, const Shape& shape) {
  if (!is_real(target.dtype()) || target.numel() == 0) return 0;
  const StridedArray array = walked(target, target.shape(), memory_order(target));
  const double repeats = static_cast<double>(numel(shape)) / static_cast<double>(target.numel());
  return static_cast<double>(kernels::count_nan(array, target.numel())) * repeats;
}

/// The sum of the weights of the elements of `shape` whose target is not NaN.
double present_weight(const Tensor& weight, const Tensor& target, const Shape& shape) {
  const NoGrad no_grad;
  const Tensor weights = weight.to(DType::float64).expand(shape);
  return sum(select(target == target, weights, Tensor::zeros({}, DType::float64))).item();
}

}  // namespace

LossNode elementwise_node(const char* function, Normalize standard, const Shape& shape, const Tensor& target,
                          const LossOptions& options) {
  LossNode node = node_without_weights(function, shape, options);
  node.expected_upstream = options.expected_upstream;
  const Normalize normalize = options.normalize_by == Normalize::standard ? standard : options.normalize_by;
  const bool is_by_weights =
      options.reduction == Reduction::mean && normalize == Normalize::weight_sum && options.weight.defined();
  if (options.missing && options.reduction == Reduction::mean && normalize != Normalize::batch) {
    node.denominator =
        is_by_weights ? present_weight(options.weight, target, shape) : node.denominator - missing_count(target, shape);
    node.is_weighted = is_by_weights;
    return node;
  }
  if (!is_by_weights) return node;
  const Tensor& weight = options.weight;
  const StridedArray array = walked(weight, weight.shape(), memory_order(weight));
  const auto count = static_cast<double>(numel(shape)), repeats = count / static_cast<double>(weight.numel());
  node.is_weighted = count > 0;
  node.denominator = node.is_weighted ? kernels::strided_sum(array, weight.numel()) * repeats : 0;
  return node;
}

template <class T, std::size_t arity>
double run_staged(const std::array<const Tensor*, arity>& operands, const Tensor& weight, const LossOptions& options,
                  const FusedOutputs<T>& out, const kernels::ElementwiseBlock<T, arity>& block) {
  const Tensor& input = *operands[0];
  const Dims order = memory_order(input);
  kernels::StagedElements<T, arity> task{.count = input.numel(),
                                         .inputs = {},
                                         .values = out.losses,
                                         .gradient = out.gradient,
                                         .gradient_dtype = input.dtype(),
                                         .scale = out.scale,
                                         .leaves_out_nan = options.missing && is_real(operands[1]->dtype()),
                                         .smoothing = options.label_smoothing};
  for (std::size_t k = 0; k < arity; ++k) task.inputs[k] = walked(*operands[k], input.shape(), order);
  StridedArray weights, upstream;
  if (weight.defined()) {
    weights = walked(weight, input.shape(), order);
    task.weight = &weights;
  }
  if (out.upstream) {
    upstream = walked(*out.upstream, input.shape(), order);
    task.upstream = &upstream;
  }
  return kernels::staged_elements(task, block);
}

#define PERDITA_DEFINE(T, arity)                                                                         \
  template double run_staged(const std::array<const Tensor*, arity>&, const Tensor&, const LossOptions&, \
                             const FusedOutputs<T>&, const kernels::ElementwiseBlock<T, arity>&);
PERDITA_DEFINE(float, 2)
PERDITA_DEFINE(double, 2)
PERDITA_DEFINE(float, 3)
PERDITA_DEFINE(double, 3)
#undef PERDITA_DEFINE

}  // namespace perdita::detail
