// Losses over classes on tensors.
#include <cmath>

#include "perdita/functional/class_call.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/fused_node.hpp"
#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/functional/staged.hpp"
#include "perdita/kernels/softcap.hpp"
#include "perdita/kernels/staged_rows.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

using Call = detail::ClassCall;
using kernels::SoftmaxTask;

/// A written formula, as the losses of the list are: called with (log_p, t) it records operators.
struct Written {
  static constexpr const LossInfo& info = ClassFormula::info;
  ClassFormula formula;
  std::vector<Tensor> parameters = {};
  Tensor operator()(const Tensor& log_p, const Tensor& t) const {
    return detail::recorded_losses(formula, log_p, t, parameters);
  }
};

/// Margins and hits of logits, from the pass of cross-entropy.
LossExtras scores(const Call& call, const Tensor& logits) {
  const NoGrad no_grad;
  LossExtras extras;
  detail::cross_entropy_named(call.function, logits, call.target,
                              {.ignore_index = call.options.ignore_index, .extras = &extras});
  return {.losses = {}, .margins = extras.margins, .hits = extras.hits};
}

/// Logits as the loss takes them.
template <class Loss>
Tensor capped(const Loss& loss, const Tensor& logits) {
  return functional::softcap(logits, kernels::softcap_of(loss));
}

/// The loss by recorded operators, for gradients with respect to the target and second derivatives.
template <class Loss>
Tensor by_formula(const Loss& loss, const Call& call) {
  const int dim = call.classes_dim;
  const std::int64_t classes = call.layout.classes;
  Tensor input = call.input.to(call.dtype), target = call.target, counts;
  Tensor used = Tensor::ones(call.row_shape, DType::boolean);
  if (call.has_probabilities) target = target.to(call.dtype);
  if (!call.has_probabilities) {
    const Tensor labels = target.reshape(call.row_shape).to(DType::int64);
    used = (labels != static_cast<double>(call.options.ignore_index)).to(DType::boolean);
    const Tensor shown = select(used, labels, Tensor::zeros(call.row_shape, DType::int64));
    target = detail::one_hot_along(shown, classes, dim).to(input.dtype());
    // An ignored row has targets 0 and logits 0, so that it does not affect gradients.
    const Tensor mask = used.unsqueeze(dim);
    input = select(mask, input, Tensor::zeros({}, input.dtype()));
    counts = used.to(input.dtype());
    if (call.weight.defined() && call.options.normalize_by != Normalize::count)
      counts = counts * index_rows(call.weight, shown);
    if (call.options.label_smoothing > 0) {
      target =
          target * (1 - call.options.label_smoothing) + call.options.label_smoothing / static_cast<double>(classes);
    }
    target = select(mask, target, Tensor::zeros({}, input.dtype()));
  } else if (call.options.label_smoothing > 0) {
    target = target * (1 - call.options.label_smoothing) + call.options.label_smoothing / static_cast<double>(classes);
  }
  input = capped(loss, input);
  const Tensor log_p = call.has_logits ? log_softmax(input, dim) : input;
  Tensor terms = loss(log_p, target);
  if (call.weight.defined()) {
    Shape along(input.rank(), 1);
    along[dim] = classes;
    terms = terms * call.weight.reshape(along);
  }
  Tensor rows = sum(terms, dim);
  if constexpr (requires { loss.of_log_sum(input); }) {
    if (loss.z_loss > 0) rows = rows + select(used, loss.of_log_sum(logsumexp(input, dim)), 0.0);
  }
  const Tensor shaped = rows.reshape(call.target.shape() == Shape{1} ? Shape{1} : call.row_shape);
  LossExtras* const extras = call.options.extras;
  if (extras) {
    if (call.has_logits && !call.has_probabilities) *extras = scores(call, capped(loss, call.input));
    extras->losses = shaped.detach();
  }
  const Tensor total = call.options.reduction == Reduction::none && !extras ? Tensor() : sum(rows);
  if (extras) extras->numerator = total.item();
  if (call.options.reduction == Reduction::none) return shaped;
  if (call.options.reduction == Reduction::sum) return total;
  if (!counts.defined() || call.options.normalize_by == Normalize::batch) {
    const double divisor = detail::denominator_of(call, {});
    if (extras) extras->denominator = divisor;
    return total / divisor;
  }
  const Tensor divisor = sum(counts);
  const double value = divisor.item();
  if (extras) extras->denominator = value;
  if (value == 0)
    return detail::mean_of_nothing(call.function, call.input.dtype(), {&call.input, &call.target, &call.weight});
  return total / divisor;
}

template <class Loss, class T>
double compute(const Loss& loss, const SoftmaxTask<T>& task) {
  if constexpr (requires { loss.formula.compute_rows(task); })
    return loss.formula.compute_rows(task);
  else
    return kernels::class_rows_loss(loss, task);
}

/// Whether there is a kernel for the call, except for gradients with respect to other tensors than the input.
template <class Loss>
bool has_kernel(const Loss& loss, const Call& call) {
  if constexpr (requires { loss.formula.is_of_own_class(); })
    return loss.formula.is_of_own_class() && loss.parameters.empty() && !call.has_probabilities &&
           call.options.label_smoothing == 0;
  else
    return true;
}

/// The dimensions with that of the classes moved to the end.
Dims with_classes_last(int rank, int classes_dim) {
  Dims order;
  for (int i = 0; i < rank; ++i) {
    if (i != classes_dim) order.push_back(i);
  }
  order.push_back(classes_dim);
  return order;
}

/// The losses of rows by their kernel, as fused_loss_node() runs it.
template <class Loss, class T>
class RowsOfClasses {
 public:
  RowsOfClasses(const Loss& loss, const Call& call)
      : loss_(loss), call_(call), input_(call.input), order_(with_classes_last(call.input.rank(), call.classes_dim)) {
    call_.options.extras = nullptr;
    classes_are_last_ = !call.input.is_contiguous() && call.input.permute(order_).is_contiguous();
    if (classes_are_last_) call_.layout = {call.layout.rows(), call.layout.classes, 1};
    logits_ = Saved(dense(call.input));
    if (call.has_probabilities) probabilities_ = Saved(dense(call.target));
    if (call.weight.defined()) weight_.emplace(call.weight.contiguous());
    if (!call.has_probabilities) {
      const T* const weights = weight_ ? weight_->get(call.function).template data<T>() : nullptr;
      labels_ = detail::read_labels(call.function, call.target.contiguous(), call.layout.classes,
                                    call.options.ignore_index, weights);
    }
  }

  const kernels::Labels& labels() const { return labels_; }

  double operator()(const detail::FusedOutputs<T>& out) const {
    SoftmaxTask<T> task{.layout = call_.layout,
                        .class_weights = weight_ ? weight_->get(call_.function).template data<T>() : nullptr,
                        .label_smoothing = call_.options.label_smoothing,
                        .scale = out.scale,
                        .losses = out.losses,
                        .margins = out.margins,
                        .hits = reinterpret_cast<std::uint8_t*>(out.hits)};
    const Tensor upstream = out.upstream ? out.upstream->contiguous() : Tensor();
    if (out.upstream) task.upstream = upstream.data<T>();
    if (!call_.has_probabilities) task.labels = labels_.data();
    kernels::StagedRows arrays;
    arrays.logits = array_of(logits_);
    if (call_.has_probabilities) arrays.probabilities = array_of(probabilities_);
    arrays.gradient = {out.gradient, call_.input.dtype()};
    if (kernels::should_be_staged<T>(task.layout, arrays)) {
      return kernels::staged_rows<T>(task, arrays, [&](const SoftmaxTask<T>& tile) { return compute(loss_, tile); });
    }
    task.logits = static_cast<const T*>(arrays.logits.data);
    task.probabilities = static_cast<const T*>(arrays.probabilities.data);
    task.gradient = static_cast<T*>(out.gradient);
    return compute(loss_, task);
  }

  Tensor empty_losses() const {
    return Tensor::empty(call_.has_probabilities ? call_.row_shape : call_.target.shape(), dtype_of<T>());
  }

  Tensor empty_gradient() const {
    const Shape& shape = call_.input.shape();
    if (!classes_are_last_) return Tensor::empty(shape, call_.input.dtype());
    Shape permuted;
    Dims inverse = order_;
    for (int i = 0; i < order_.rank(); ++i) {
      permuted.push_back(shape[static_cast<int>(order_[i])]);
      inverse[static_cast<int>(order_[i])] = i;
    }
    return Tensor::empty(permuted, call_.input.dtype()).permute(inverse);
  }

  void record(BackwardContext& b) const {
    detail::set_recorded_gradients(b, std::span(&input_, 1), [&](std::span<const Tensor> x) {
      Call of_input = call_;
      of_input.input = x[0];
      return by_formula(loss_, of_input);
    });
  }

 private:
  Tensor dense(const Tensor& tensor) const {
    const NoGrad no_grad;
    return classes_are_last_ ? tensor.permute(order_).contiguous() : tensor.contiguous();
  }
  kernels::StagedRows::Array array_of(const Saved& saved) const {
    const Tensor& tensor = saved.get(call_.function);
    return {tensor.impl()->pointer(), tensor.dtype()};
  }

  Loss loss_;
  Call call_;
  Saved input_;
  Dims order_;
  bool classes_are_last_;
  Saved logits_, probabilities_;
  std::optional<Saved> weight_;
  kernels::Labels labels_;
};

template <class Loss, class T>
Tensor by_kernel(const Loss& loss, const Call& call) {
  RowsOfClasses<Loss, T> kernel(loss, call);
  const detail::LossNode node{.function = call.function,
                              .losses_shape = call.has_probabilities ? call.row_shape : call.target.shape(),
                              .reduction = call.options.reduction,
                              .denominator = detail::denominator_of(call, kernel.labels()),
                              .extras = call.options.extras,
                              .has_margins = call.has_logits && !call.has_probabilities,
                              .reduced_dim = call.classes_dim,
                              .expected_upstream = call.options.expected_upstream};
  return detail::fused_loss_node<T>(node, call.input, std::move(kernel));
}

template <class Loss>
Tensor class_loss(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                  const ClassOptions& options) {
  const Call call = detail::check_class_call(function, input, target, options, takes_class_probabilities(Loss::info));
  check_parameters(loss);
  if (detail::needs_double(loss, call.dtype))
    return detail::narrowed(class_loss(function, loss, input.to(DType::float64), target, options), options.extras);
  const Tensor& weight = call.weight;
  if (!has_kernel(loss, call) || needs_grad({&call.target}) || (weight.defined() && needs_grad({&weight})))
    return by_formula(loss, call);
  return visit_floating(call.dtype, function, [&]<class T>() { return by_kernel<Loss, T>(loss, call); });
}

}  // namespace

Tensor functional::softcap(const Tensor& logits, double cap) {
  if (!(cap > 0)) fail<ValueError>("softcap: cap is {} (valid: above 0)", cap);
  return std::isfinite(cap) ? cap * tanh(logits / cap) : logits;
}

Tensor functional::formula_loss(const Tensor& input, const Tensor& target, std::span<const Tensor> parameters,
                                const ClassFormula& loss, const ClassOptions& options) {
  detail::check_parameters_of("formula_loss", loss, parameters);
  return class_loss("formula_loss", Written{loss, {parameters.begin(), parameters.end()}}, input, target, options);
}

Tensor detail::one_hot_along(const Tensor& labels, std::int64_t classes, int dim) {
  Tensor hot = one_hot(labels, classes);
  for (int d = hot.rank() - 1; d > dim; --d) hot = hot.transpose(d, d - 1);
  return hot;
}

Tensor detail::cross_entropy_named(const char* function, const Tensor& input, const Tensor& target,
                                   const ClassOptions& options) {
  return class_loss(function, CrossEntropy{}, input, target, options);
}

template <class Loss>
Tensor detail::ClassRowsCall<Loss, true>::call(const char* function, const Loss& loss, GivenTensors x,
                                               const ClassOptions& options) {
  return class_loss(function, loss, *x[0], *x[1], options);
}
namespace detail {
#define PERDITA_DEFINE(Loss, function, Module) template struct ClassRowsCall<Loss>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE
}  // namespace detail

Tensor detail::call_loss(const char* function, const ClassFormula& loss, GivenTensors x, const ClassOptions& options) {
  return class_loss(function, Written{loss, {}}, *x[0], *x[1], options);
}

}  // namespace perdita
