// Losses of masks.
#include "perdita/kernels/overlap.hpp"

#include <algorithm>

#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/kernels/lovasz.hpp"
#include "perdita/losses/list.hpp"

namespace perdita {

namespace {

using namespace detail;
using kernels::ClassLayout;
using kernels::OverlapSums;

/// A checked call: operands seen as [outer, classes, inner], of which an (outer, class) pair is a mask.
struct Call {
  const char* function;
  Tensor logits;
  Tensor targets{};  // laid out as the logits, of their dtype
  Tensor indices{};  // or [outer, inner], class indices
  ClassLayout layout{};
  Shape losses_shape{};  // of the losses of masks
  bool has_classes;      // of which each may have a weight, or be absent
  bool batch, present_only;
  double ignored;

  bool by_softmax() const { return indices.defined(); }
};

Shape without_classes(const Shape& shape) {
  Shape result = shape;
  result.erase(1);
  return result;
}

/// Whether target holds class indices, from the shapes.
template <class Loss>
bool takes_indices(const char* function, const Loss& loss, const Tensor& input, const Tensor& target) {
  const bool alike = target.shape() == input.shape();
  const bool has_indices = input.rank() >= 2 && target.shape() == without_classes(input.shape());
  if (input.rank() == 0 || (!alike && !has_indices)) {
    const std::string indices =
        input.rank() >= 2 ? fmt::format(", or {} with class indices", without_classes(input.shape())) : "";
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: {} with a target for each logit{})", function,
                     target.shape(), input.shape(), input.rank() == 0 ? "[N, ...]" : to_string(input.shape()), indices);
  }
  if (loss.multilabel && !(alike && input.rank() >= 2)) {
    fail<ValueError>("{}: multilabel is true, but input has shape {} and target {} (valid: both [N, C, ...])", function,
                     input.shape(), target.shape());
  }
  if (has_indices && (is_floating(target.dtype()) || target.dtype() == DType::boolean)) {
    fail<DTypeError>("{}: target of shape {} holds {} (valid: class indices as int64, int32 or uint8)", function,
                     target.shape(), name_of(target.dtype()));
  }
  return has_indices;
}

template <class Loss>
Call check(const char* function, const Loss& loss, const Tensor& input, const Tensor& target) {
  check_parameters(loss);
  const DType dtype = loss_dtype(function, input, target);
  const bool has_indices = takes_indices(function, loss, input, target);
  const Shape& shape = input.shape();
  Call call{.function = function,
            .logits = input.to(is_floating(target.dtype()) ? dtype : input.dtype()),
            .has_classes = has_indices || loss.multilabel,
            .batch = loss.batch,
            .present_only = loss.present_only,
            .ignored = static_cast<double>(loss.ignore_index)};
  ClassLayout& layout = call.layout;
  if (shape.rank() > 1) layout.outer = shape[0];
  if (call.has_classes) layout.classes = shape[1];
  if (layout.classes == 0) fail<ShapeError>("{}: input of shape {} has no classes (valid: 1 or more)", function, shape);
  for (int i = call.has_classes ? 2 : shape.rank() > 1 ? 1 : 0; i < shape.rank(); ++i) layout.inner *= shape[i];
  if (!loss.batch && shape.rank() > 1) call.losses_shape.push_back(layout.outer);
  if (call.has_classes) call.losses_shape.push_back(layout.classes);

  // Items of one pixel, summed together, are the pixels of one item.
  const bool turns = loss.batch && call.has_classes && shape.rank() == 2;
  if (turns) std::swap(layout.outer, layout.inner);
  const Shape dense{layout.outer, layout.classes, layout.inner};
  const auto seen = [&](const Tensor& tensor) { return (turns ? tensor.t() : tensor).reshape(dense).contiguous(); };
  call.logits = seen(call.logits);
  if (has_indices)
    call.indices = target.reshape({layout.outer, layout.inner}).contiguous();
  else
    call.targets = seen(target.to(dtype));
  return call;
}

kernels::Labels labels_of(const Call& call) {
  return read_labels<float>(call.function, call.indices, call.layout.classes, static_cast<std::int64_t>(call.ignored),
                            nullptr);
}

/// Throws ValueError that names the first target that is neither valid nor ignored.
template <class T>
void check_targets(const Call& call, const Interval& valid) {
  const T* const targets = call.targets.data<T>();
  for (std::int64_t i = 0, count = call.targets.numel(); i < count; ++i) {
    const auto t = static_cast<double>(targets[i]);
    if (t == call.ignored || valid.contains(t)) continue;
    fail<ValueError>("{}: target[{}] is {} (valid: {}, or ignore_index {})", call.function, i, targets[i],
                     to_string(valid), call.ignored);
  }
}

/// Which pixels count, [outer, classes, inner] or [outer, 1, inner]; and their targets, 0 where they do not.
struct Truth {
  Tensor used, targets;
};
Truth truth_of(const Call& call) {
  if (!call.by_softmax()) {
    const Tensor used = (call.targets != call.ignored).to(DType::boolean);
    return {used, select(used, call.targets, 0.0)};
  }
  const Tensor labels = call.indices.to(DType::int64);
  const Tensor used = (labels != call.ignored).to(DType::boolean);
  const Tensor shown = select(used, labels, Tensor::zeros(labels.shape(), DType::int64));
  const Tensor hot = one_hot_along(shown, call.layout.classes, 1).to(call.logits.dtype());
  return {used.unsqueeze(1), select(used.unsqueeze(1), hot, 0.0)};
}

/// Probabilities of the mask and against it. Those of ignored pixels are computed from a logit of 0, so that their
/// logits do not affect gradients.
struct Probabilities {
  Tensor p, q;
};
Probabilities probabilities_of(const Call& call, const Truth& truth) {
  const Tensor shown = select(truth.used, call.logits, 0.0);
  if (!call.by_softmax()) return {sigmoid(shown), sigmoid(-shown)};
  const Tensor p = softmax(shown, 1);
  return {p, sum(p * (1.0 - truth.targets), 1, true)};  // q is that of the own class, where alone it is asked for
}

/// The sums [outer, classes, 3] of all masks by recorded operators, for gradients with respect to the targets and
/// second derivatives.
Tensor recorded_sums(const Call& call, bool squared) {
  const Truth truth = truth_of(call);
  const Tensor& t = truth.targets;
  const auto [p, q] = probabilities_of(call, truth);
  Tensor excess = p * (1.0 - t), miss = q * t;
  if (squared) {
    const Tensor square = perdita::square(excess - miss);
    excess = square * (1.0 - t);
    miss = square * t;
  }
  return stack({sum(p * t, 2), sum(select(truth.used, excess, 0.0), 2), sum(miss, 2)}, 2).to(DType::float64);
}

template <class T>
kernels::OverlapTask<T> task_of(const Call& call, bool squared, const kernels::Labels& labels) {
  return {.logits = call.logits.data<T>(),
          .layout = call.layout,
          .targets = call.by_softmax() ? nullptr : call.targets.data<T>(),
          .labels = labels.data(),
          .ignored = call.ignored,
          .squared = squared};
}

/// `value` as a node of the logits. gradient(call, upstream) is the derivative with respect to them; recorded(call) is
/// the value by recorded operators, for second derivatives.
template <class Gradient, class Recorded>
Tensor node_of_logits(const Call& call, const Tensor& value, Gradient gradient, Recorded recorded) {
  const Saved logits(call.logits), targets(call.by_softmax() ? call.indices : call.targets);
  return make_node(call.function, value, {&call.logits},
                   [call = Call(call), logits, targets, gradient, recorded](BackwardContext& b) mutable {
                     (call.by_softmax() ? call.indices : call.targets) = targets.get(b.name());
                     if (b.create_graph()) {
                       return set_recorded_gradients(b, {&logits, 1}, [&](std::span<const Tensor> x) {
                         call.logits = x[0];
                         return recorded(call);
                       });
                     }
                     call.logits = logits.get(b.name());
                     b.set(0, gradient(call, b.upstream().contiguous()));
                   });
}

/// The same by kernels: float64, whose gradient is a second pass.
template <class T>
Tensor sums_by_kernel(const Call& call, bool squared) {
  static_assert(sizeof(OverlapSums) == 3 * sizeof(double));
  const kernels::Labels labels = call.by_softmax() ? labels_of(call) : kernels::Labels{};
  const Tensor sums = Tensor::empty({call.layout.outer, call.layout.classes, 3}, DType::float64);
  auto* const found = reinterpret_cast<OverlapSums*>(sums.mutable_data<double>());
  if (!kernels::overlap_sums(task_of<T>(call, squared, labels), found)) check_targets<T>(call, probabilities);
  const auto gradient = [squared, labels](const Call& at, const Tensor& slopes) {
    Tensor result = Tensor::empty(at.logits.shape(), at.logits.dtype());
    kernels::overlap_gradient(task_of<T>(at, squared, labels),
                              reinterpret_cast<const OverlapSums*>(slopes.data<double>()), result.mutable_data<T>());
    return result;
  };
  return node_of_logits(call, sums, gradient, [squared](const Call& at) { return recorded_sums(at, squared); });
}

/// Losses of masks, reduced. `present`: bool, which of them have a pixel in the target.
Tensor reduce_masks(const Call& call, const Tensor& losses, const Tensor& present, LossOptions options) {
  if (options.weight.defined() && call.has_classes && options.weight.shape() != Shape{call.layout.classes}) {
    fail<ShapeError>("{}: weight has shape {}, but input has {} classes (valid: [{}])", call.function,
                     options.weight.shape(), call.layout.classes, call.layout.classes);
  }
  if (!call.present_only || !call.has_classes) return reduce_losses(call.function, losses, options, Normalize::count);
  const Tensor counted = select(present, losses, 0.0);
  if (options.reduction != Reduction::mean) return reduce_losses(call.function, counted, options, Normalize::count);
  const bool by_weights = options.normalize_by == Normalize::weight_sum && options.weight.defined();
  Tensor counts = present.to(losses.dtype());
  if (by_weights) counts = counts * options.weight.to(losses.dtype());
  const bool by_batch = options.normalize_by == Normalize::batch;
  const Tensor divisor = by_batch ? Tensor::full({}, static_cast<double>(losses.size(0)), losses.dtype()) : sum(counts);
  options.reduction = Reduction::sum;
  const Tensor total = reduce_losses(call.function, counted, options, Normalize::count);
  const double value = divisor.item();
  if (options.extras) options.extras->denominator = value;
  return value == 0 ? detail::mean_of_nothing(call.function, losses.dtype(), {&losses}) : total / divisor;
}

template <class Loss>
Tensor losses_of_sums(const Call&, const Loss& loss, const Tensor& tp, const Tensor& fp, const Tensor& fn) {
  return loss(tp, fp, fn);
}

/// The weights of classes whose targets have the sums `sizes` [..., C]. A class without a pixel has the largest weight
/// of the others, or none.
Tensor weights_of_classes(const GeneralizedDice& loss, const Tensor& sizes) {
  if (loss.weighting == VolumeWeighting::uniform)
    return loss.present_only ? (sizes != 0.0).to(sizes.dtype()) : Tensor::ones(sizes.shape(), sizes.dtype());
  const Tensor is_present = sizes != 0.0, shown = select(is_present, sizes, 1.0);
  const Tensor weights = 1.0 / (loss.weighting == VolumeWeighting::square ? square(shown) : shown);
  const Tensor of_present = select(is_present, weights, 0.0);
  if (loss.present_only) return of_present;
  const Tensor largest = amax(of_present, -1, true);
  return select(is_present, weights, select(largest == 0.0, 1.0, largest));
}

/// One loss for all classes of an item.
Tensor losses_of_sums(const Call& call, const GeneralizedDice& loss, Tensor tp, Tensor fp, Tensor fn) {
  if (!call.has_classes) tp = tp.unsqueeze(-1), fp = fp.unsqueeze(-1), fn = fn.unsqueeze(-1);
  const Tensor weights = weights_of_classes(loss, (tp + fn).detach());
  return share_of_errors(sum(weights * (fp + fn), -1), 2.0 * sum(weights * tp, -1), loss.smooth);
}

/// Whether the classes of an item have one loss together.
template <class Loss>
constexpr bool is_of_all_classes = requires(const Loss& loss) {
  loss.weighting;
};

/// The result, and the losses of the extras, in the dtype of the input.
Tensor narrowed(const Tensor& result, DType dtype, const LossOptions& options) {
  if (options.extras) options.extras->losses = options.extras->losses.to(dtype);
  return result.to(dtype);
}

template <class Loss>
Tensor overlap_loss(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                    const LossOptions& options) {
  const Call call = check(function, loss, input, target);
  bool squared = false;
  if constexpr (requires { loss.squared; }) squared = loss.squared;
  const DType dtype = call.logits.dtype();
  const Tensor of_items = visit_floating(dtype, function, [&]<class T>() {
    if (call.by_softmax() || !needs_grad({&call.targets})) return sums_by_kernel<T>(call, squared);
    check_targets<T>(call, probabilities);
    return recorded_sums(call, squared);
  });
  const Tensor sums = call.batch ? sum(of_items, 0) : of_items;
  const auto part = [&](std::int64_t i) { return sums.select(sums.rank() - 1, i).reshape(call.losses_shape); };
  const Tensor tp = part(0), fp = part(1), fn = part(2);
  const Tensor losses = losses_of_sums(call, loss, tp, fp, fn);
  if constexpr (is_of_all_classes<Loss>)
    return narrowed(reduce_losses(function, losses, options, Normalize::count), dtype, options);
  const Tensor present = call.present_only ? (tp + fn).detach() != 0.0 : Tensor();
  return narrowed(reduce_masks(call, losses, present, options), dtype, options);
}

/// The error of each pixel of each mask, by recorded operators.
Tensor lovasz_errors(const Call& call) {
  Truth truth = truth_of(call);
  truth.targets = truth.targets.detach();
  if (!call.by_softmax()) return select(truth.used, relu(1.0 - call.logits * (2.0 * truth.targets - 1.0)), 0.0);
  const auto [p, q] = probabilities_of(call, truth);
  return select(truth.used, select(truth.targets > 0.0, q, p), 0.0);
}

/// The losses of masks by recorded operators, of errors in an order that is known.
Tensor weigh(const Call& call, const Tensor& slopes) {
  // A pixel of weight 0 may have an infinite error.
  const Tensor terms = select(slopes == 0.0, 0.0, lovasz_errors(call) * abs(slopes));
  return (call.batch ? sum(terms, Dims{0, 2}) : sum(terms, 2)).reshape(call.losses_shape).to(DType::float64);
}

/// The gradient with respect to the logits, from the derivatives found by sorting and those with respect to the losses
/// of masks.
template <class T>
Tensor gradient_of_sorted(const Call& call, const kernels::Labels& labels, const Tensor& slopes,
                          const Tensor& by_losses) {
  if (!call.by_softmax()) {
    const Shape of_masks{call.batch ? 1 : call.layout.outer, call.layout.classes, 1};
    return slopes * by_losses.reshape(of_masks).to(slopes.dtype());
  }
  Tensor gradient = Tensor::empty(slopes.shape(), slopes.dtype());
  kernels::lovasz_softmax_gradient(task_of<T>(call, false, labels), call.batch, slopes.data<T>(),
                                   by_losses.data<double>(), gradient.mutable_data<T>());
  return gradient;
}

/// Results of sorting the masks.
struct Sorted {
  Tensor losses;  // float64
  Tensor sizes;
};

template <class T>
Sorted sort_masks(const Call& call) {
  const kernels::Labels labels = call.by_softmax() ? labels_of(call) : kernels::Labels{};
  std::vector<kernels::LovaszMask> masks(static_cast<std::size_t>(numel(call.losses_shape)));
  const Tensor slopes = Tensor::empty(call.logits.shape(), call.logits.dtype());
  if (!kernels::lovasz(task_of<T>(call, false, labels), call.batch, masks.data(), slopes.mutable_data<T>())) {
    check_targets<T>(call, Lovasz::info.target);
  }
  std::vector<double> losses;
  std::vector<std::int64_t> sizes;
  for (const kernels::LovaszMask& mask : masks) losses.push_back(mask.loss), sizes.push_back(mask.size);
  const auto gradient = [labels, slopes](const Call& at, const Tensor& by_losses) {
    return gradient_of_sorted<T>(at, labels, slopes, by_losses);
  };
  const Tensor value = Tensor::from(losses, call.losses_shape);
  return {node_of_logits(call, value, gradient, [slopes](const Call& at) { return weigh(at, slopes); }),
          Tensor::from(sizes, call.losses_shape)};
}

template <class T>
Tensor by_sorting(const Call& call, const LossOptions& options) {
  const Sorted sorted = sort_masks<T>(call);
  return narrowed(reduce_masks(call, sorted.losses, sorted.sizes != 0.0, options), call.logits.dtype(), options);
}

Tensor overlap_loss(const char* function, const Lovasz& loss, const Tensor& input, const Tensor& target,
                    const LossOptions& options) {
  const Call call = check(function, loss, input, target);
  return visit_floating(call.logits.dtype(), function, [&]<class T>() { return by_sorting<T>(call, options); });
}

}  // namespace

template <class Loss>
Tensor detail::MaskCall<Loss, true>::call(const char* function, const Loss& loss, GivenTensors x,
                                          const LossOptions& options) {
  return overlap_loss(function, loss, *x[0], *x[1], options);
}
namespace detail {
#define PERDITA_DEFINE(Loss, function, Module) template struct MaskCall<Loss>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE
}  // namespace detail

}  // namespace perdita
