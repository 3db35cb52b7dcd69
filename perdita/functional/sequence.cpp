// Losses of whole sequences.
#include <algorithm>
#include <limits>

#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"
#include "perdita/kernels/ctc.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

using namespace detail;
using Integers = std::vector<std::int64_t>;
constexpr const char* function = "ctc_loss";

/// Sequences as a batch: [T, C] becomes [T, 1, C].
struct Batch {
  Tensor log_probs;
  bool single;
  std::int64_t frames() const { return log_probs.size(0); }
  std::int64_t items() const { return log_probs.size(1); }
  std::int64_t classes() const { return log_probs.size(2); }
  Shape loss_shape() const { return single ? Shape{} : Shape{items()}; }
};

Batch batch_of(const Tensor& log_probs, const Ctc& loss) {
  if (!log_probs.defined()) fail<ValueError>("{}: log_probs is not a tensor", function);
  if (!is_floating(log_probs.dtype())) {
    fail<DTypeError>("{}: log_probs holds {} (valid: float32, float64)", function, name_of(log_probs.dtype()));
  }
  const std::int64_t classes = log_probs.rank() == 0 ? 0 : log_probs.size(-1);
  if (log_probs.rank() < 2 || log_probs.rank() > 3 || classes == 0) {
    fail<ShapeError>("{}: log_probs has shape {} (valid: [T, N, C] or [T, C] with C above 0)", function,
                     log_probs.shape());
  }
  if (classes > std::numeric_limits<std::int32_t>::max()) {
    fail<ShapeError>("{}: log_probs has {} classes (valid: at most 2147483647)", function, classes);
  }
  check_parameters(loss);
  if (loss.blank >= classes) {
    fail<ValueError>("{}: blank is {}, but log_probs has {} classes (valid: 0..{})", function, loss.blank, classes,
                     classes - 1);
  }
  return {log_probs.rank() == 2 ? log_probs.unsqueeze(1) : log_probs, log_probs.rank() == 2};
}

Integers integers_of(const char* argument, const Tensor& tensor) {
  if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  if (is_floating(tensor.dtype()) || tensor.dtype() == DType::boolean) {
    fail<DTypeError>("{}: {} holds {} (valid: int64, int32, uint8)", function, argument, name_of(tensor.dtype()));
  }
  return tensor.to_vector<std::int64_t>();
}

/// One length for each item, from 0 to `longest`, which is a size of `what`.
Integers lengths_of(const char* argument, const Tensor& tensor, const Batch& batch, std::int64_t longest,
                    std::string_view what) {
  Integers lengths = integers_of(argument, tensor);
  const bool fits = tensor.shape() == Shape{batch.items()} || (batch.single && tensor.rank() == 0);
  if (!fits) {
    fail<ShapeError>("{}: {} has shape {}, but log_probs has {} sequences (valid: {})", function, argument,
                     tensor.shape(), batch.items(), batch.single ? "[] or [1]" : fmt::format("[{}]", batch.items()));
  }
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    if (lengths[n] >= 0 && lengths[n] <= longest) continue;
    fail<ShapeError>("{}: {}[{}] is {}, but {} (valid: 0..{})", function, argument, n, lengths[n], what, longest);
  }
  return lengths;
}

/// The labels of all items, one after the other, checked.
struct Labels {
  std::vector<std::int32_t> labels;
  Integers begins;
  std::int64_t length(std::size_t n) const { return begins[n + 1] - begins[n]; }
};

/// How targets are laid out: [N, S], or [S] with all items one after the other.
struct Layout {
  bool is_padded;
  std::int64_t size;  // S
  std::int64_t place(std::size_t item, std::int64_t begin, std::int64_t i) const {
    return is_padded ? static_cast<std::int64_t>(item) * size + i : begin + i;
  }
  std::string index(std::size_t item, std::int64_t begin, std::int64_t i) const {
    return is_padded ? fmt::format("{}, {}", item, i) : fmt::format("{}", begin + i);
  }
};

Layout layout_of(const Tensor& targets, const Batch& batch) {
  const bool fits = targets.rank() == 1 || (targets.rank() == 2 && targets.size(0) == batch.items());
  if (!fits) {
    fail<ShapeError>(
        "{}: targets has shape {}, but log_probs has {} sequences (valid: [{}, S], or [S] with all labels)", function,
        targets.shape(), batch.items(), batch.items());
  }
  return {targets.rank() == 2, targets.size(-1)};
}

Labels labels_of(const Tensor& targets, const Tensor& target_lengths, const Batch& batch, bool validate,
                 std::int64_t blank) {
  const Integers given = integers_of("targets", targets);
  const Layout layout = layout_of(targets, batch);
  const Integers lengths = lengths_of("target_lengths", target_lengths, batch, layout.size,
                                      fmt::format("targets has shape {}", targets.shape()));
  Labels all;
  all.begins.push_back(0);
  for (std::size_t n = 0; n < lengths.size(); ++n) all.begins.push_back(all.begins.back() + lengths[n]);
  if (!layout.is_padded && all.begins.back() != layout.size) {
    fail<ShapeError>("{}: targets has shape {}, but target_lengths add up to {} (valid: [{}])", function,
                     targets.shape(), all.begins.back(), all.begins.back());
  }
  all.labels.reserve(static_cast<std::size_t>(all.begins.back()));
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    for (std::int64_t i = 0; i < lengths[n]; ++i) {
      const std::int64_t label = given[static_cast<std::size_t>(layout.place(n, all.begins[n], i))];
      if (label < 0 || label >= batch.classes()) {
        fail<IndexError>("{}: targets[{}] is {}, but log_probs has {} classes (valid: 0..{})", function,
                         layout.index(n, all.begins[n], i), label, batch.classes(), batch.classes() - 1);
      }
      if (validate && label == blank) {
        fail<ValueError>("{}: targets[{}] is {}, which is the blank (valid: classes other than the blank)", function,
                         layout.index(n, all.begins[n], i), label);
      }
      all.labels.push_back(static_cast<std::int32_t>(label));
    }
  }
  return all;
}

/// A checked call.
struct Call {
  Batch batch;
  Integers input_lengths;
  Labels labels;
  Ctc loss;
};

/// The factor of each item's loss before the losses are added: `scale`, divided by the number of its labels in a mean.
std::vector<double> scales_of(const Call& call, Reduction reduction, double scale) {
  std::vector<double> scales(static_cast<std::size_t>(call.batch.items()), scale);
  if (reduction != Reduction::mean) return scales;
  for (std::size_t n = 0; n < scales.size(); ++n)
    scales[n] /= static_cast<double>(std::max<std::int64_t>(1, call.labels.length(n)));
  return scales;
}

/// Writes the losses of items, times their scales if `scales_losses`, and the gradient times the scales. Returns the
/// sum of losses times scales.
template <class T>
double compute(const Call& call, const std::vector<double>& scales, bool scales_losses,
               const KernelOutputs<T, 1>& out) {
  const Tensor& log_probs = call.batch.log_probs;
  ensure_data(log_probs);
  std::vector<double> losses(scales.size());
  kernels::ctc_loss(kernels::CtcTask<T>{.log_probs = pointer<const T>(log_probs),
                                        .frame_stride = log_probs.strides()[0],
                                        .item_stride = log_probs.strides()[1],
                                        .class_stride = log_probs.strides()[2],
                                        .frames = call.batch.frames(),
                                        .items = call.batch.items(),
                                        .classes = call.batch.classes(),
                                        .input_lengths = call.input_lengths.data(),
                                        .labels = call.labels.labels.data(),
                                        .label_begins = call.labels.begins.data(),
                                        .blank = static_cast<std::int32_t>(call.loss.blank),
                                        .zero_infinity = call.loss.zero_infinity,
                                        .torch_gradient = call.loss.torch_gradient,
                                        .losses = losses.data(),
                                        .gradient = out.gradients[0],
                                        .scales = scales.data()});
  double total = 0;
  for (std::size_t n = 0; n < losses.size(); ++n) {
    total += losses[n] * scales[n];
    if (out.losses) out.losses[n] = static_cast<T>(scales_losses ? losses[n] * scales[n] : losses[n]);
  }
  return total;
}

template <class T>
Tensor by_kernel(const Tensor& input, const Call& call, const LossOptions& given) {
  // Weights are applied by operators to the losses of items, which a mean has divided by their target lengths.
  const bool is_weighted = given.weight.defined();
  LossOptions options = given;
  if (is_weighted) options.reduction = Reduction::none;
  const LossNode node = node_without_weights(function, call.batch.loss_shape(), options, 1);
  const auto compute_outputs = [&](const KernelOutputs<T, 1>& out) {
    return compute(call, scales_of(call, given.reduction, out.scale), is_weighted, out) * node.denominator;
  };
  const auto refuse = [] {
    return [](BackwardContext& b) {
      fail<GraphError>("{}: has no second derivative (valid: without create_graph)", b.name());
    };
  };
  const Tensor losses = loss_node<T>(node, std::array{&input}, compute_outputs, refuse);
  return is_weighted ? reduce_losses(function, losses, given, Normalize::count) : losses;
}

}  // namespace

Tensor detail::own_call(const char*, const Ctc& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &log_probs = *x[0], &targets = *x[1], &input_lengths = *x[2], &target_lengths = *x[3];
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  const Batch batch = batch_of(log_probs, loss);
  const Call call{.batch = batch,
                  .input_lengths = lengths_of("input_lengths", input_lengths, batch, batch.frames(),
                                              fmt::format("log_probs has {} frames", batch.frames())),
                  .labels = labels_of(targets, target_lengths, batch, validates(options), loss.blank),
                  .loss = loss};
  return visit_floating(log_probs.dtype(), function, [&]<class T>() { return by_kernel<T>(log_probs, call, options); });
}

}  // namespace perdita
