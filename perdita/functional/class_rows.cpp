// Losses over classes on tensors.
#include <cmath>

#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

using kernels::ClassLayout;
using kernels::SoftmaxTask;

/// A checked call: shapes fit, options are valid.
struct Call {
  const char* function;
  Tensor input, target, weight;
  ClassOptions options;
  ClassLayout layout;
  Shape row_shape;  // of the losses of rows
  int classes_dim;
  bool has_probabilities, has_logits;  // of target, of input
};

/// A written formula, as the losses of the list are: called with (log_p, t) it records operators.
struct Written {
  static constexpr const LossInfo& info = ClassFormula::info;
  ClassFormula formula;
  Tensor operator()(const Tensor& log_p, const Tensor& t) const { return detail::recorded_losses(formula, log_p, t); }
};

Shape without(const Shape& shape, int dim) {
  Shape result = shape;
  result.erase(dim);
  return result;
}

void check_target_shape(const Call& call) {
  const Shape& shape = call.target.shape();
  const bool fits = shape == call.row_shape || (call.row_shape.rank() == 0 && shape == Shape{1});
  if (!fits && call.has_logits && shape == call.input.shape()) {
    fail<ShapeError>(
        "{}: target has the input's shape {}, but holds {} (valid: class indices {}, for example the argmax of one-hot "
        "targets, or class probabilities as float32 or float64)",
        call.function, shape, name_of(call.target.dtype()), call.row_shape);
  }
  if (!fits) {
    fail<ShapeError>(
        "{}: target has shape {}, but input has {} (valid: {} with class indices, or {} with class "
        "probabilities)",
        call.function, shape, call.input.shape(), call.row_shape, call.input.shape());
  }
}

Call check(const char* function, const Tensor& input, const Tensor& target, const ClassOptions& options,
           bool may_have_probabilities) {
  Call call{.function = function,
            .input = input,
            .target = target,
            .weight = {},
            .options = options,
            .layout = {},
            .row_shape = {},
            .classes_dim = detail::check_logits(function, input, target),
            .has_probabilities = false,
            .has_logits = may_have_probabilities};
  const Shape& shape = input.shape();
  call.row_shape = without(shape, call.classes_dim);
  call.layout.classes = shape[call.classes_dim];
  for (int i = 0; i < shape.rank(); ++i) {
    if (i != call.classes_dim) (i < call.classes_dim ? call.layout.outer : call.layout.inner) *= shape[i];
  }
  if (call.layout.classes == 0)
    fail<ShapeError>("{}: input of shape {} has no classes (valid: 1 or more)", function, shape);

  call.has_probabilities = may_have_probabilities && is_floating(target.dtype()) && target.shape() == shape;
  if (!call.has_probabilities) {
    if (may_have_probabilities && is_floating(target.dtype()) && target.rank() == shape.rank()) {
      fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same, with class probabilities)",
                       function, target.shape(), shape);
    }
    if (is_floating(target.dtype()) || target.dtype() == DType::boolean) {
      fail<DTypeError>("{}: target of shape {} holds {} (valid: class indices as int64, int32 or uint8{})", function,
                       target.shape(), name_of(target.dtype()),
                       may_have_probabilities ? ", or probabilities of the input's shape" : "");
    }
    check_target_shape(call);
  } else {
    if (options.ignore_index >= 0) {
      fail<ValueError>("{}: ignore_index is {}, but target holds class probabilities (valid: with class indices only)",
                       function, options.ignore_index);
    }
    const DType dtype = promote(input.dtype(), target.dtype());
    call.input = input.to(dtype);
    call.target = target.to(dtype);
    if (detail::validates(options)) detail::check_domain(function, "target", call.target, probabilities);
  }
  check_options(function, options);
  if (options.weight.defined()) {
    if (options.weight.shape() != Shape{call.layout.classes}) {
      fail<ShapeError>("{}: weight has shape {}, but input has {} classes (valid: [{}])", function,
                       options.weight.shape(), call.layout.classes, call.layout.classes);
    }
    call.weight = options.weight.to(call.input.dtype());
  }
  return call;
}

/// The denominator of a reduced loss.
double denominator(const Call& call, const kernels::Labels& labels) {
  return detail::class_denominator(call.options, call.row_shape, call.has_probabilities ? nullptr : &labels,
                                   call.target, call.weight, call.classes_dim);
}

/// Margins and hits, from the pass of cross-entropy.
LossExtras scores(const Call& call) {
  const NoGrad no_grad;
  LossExtras extras;
  detail::cross_entropy_named(call.function, call.input, call.target,
                              {.ignore_index = call.options.ignore_index, .extras = &extras});
  return {.losses = {}, .margins = extras.margins, .hits = extras.hits};
}

/// The loss by recorded operators, for gradients with respect to the target and second derivatives.
template <class Loss>
Tensor by_formula(const Loss& loss, const Call& call) {
  const int dim = call.classes_dim;
  const std::int64_t classes = call.layout.classes;
  Tensor input = call.input, target = call.target, counts;
  if (!call.has_probabilities) {
    const Tensor labels = target.reshape(call.row_shape).to(DType::int64);
    const Tensor used = (labels != static_cast<double>(call.options.ignore_index)).to(DType::boolean);
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
  const Tensor log_p = call.has_logits ? log_softmax(input, dim) : input;
  Tensor terms = loss(log_p, target);
  if (call.weight.defined()) {
    Shape along(input.rank(), 1);
    along[dim] = classes;
    terms = terms * call.weight.reshape(along);
  }
  const Tensor rows = sum(terms, dim);
  const Tensor shaped = rows.reshape(call.target.shape() == Shape{1} ? Shape{1} : call.row_shape);
  LossExtras* const extras = call.options.extras;
  if (extras) {
    if (call.has_logits && !call.has_probabilities) *extras = scores(call);
    extras->losses = shaped.detach();
  }
  const Tensor total = call.options.reduction == Reduction::none && !extras ? Tensor() : sum(rows);
  if (extras) extras->numerator = total.item();
  if (call.options.reduction == Reduction::none) return shaped;
  if (call.options.reduction == Reduction::sum) return total;
  if (!counts.defined() || call.options.normalize_by == Normalize::batch) {
    const double divisor = denominator(call, {});
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
    return loss.formula.is_of_own_class() && !call.has_probabilities && call.options.label_smoothing == 0;
  else
    return true;
}

template <class T>
SoftmaxTask<T> task_of(const Call& call, const Tensor& logits, const Tensor& target, const Tensor& weight,
                       kernels::Labels& labels) {
  SoftmaxTask<T> task{.logits = logits.data<T>(),
                      .layout = call.layout,
                      .class_weights = weight.defined() ? weight.data<T>() : nullptr,
                      .label_smoothing = call.options.label_smoothing};
  if (call.has_probabilities) {
    task.probabilities = target.data<T>();
  } else {
    labels =
        detail::read_labels(call.function, target, call.layout.classes, call.options.ignore_index, task.class_weights);
    task.labels = labels.data();
  }
  return task;
}

template <class Loss, class T>
Tensor by_kernel(const Loss& loss, const Call& call) {
  const Tensor logits = call.input.contiguous(), target = call.target.contiguous();
  const Tensor weight = call.weight.defined() ? call.weight.contiguous() : Tensor();
  kernels::Labels labels;
  SoftmaxTask<T> task = task_of<T>(call, logits, target, weight, labels);
  const auto compute_outputs = [&](const detail::KernelOutputs<T, 1>& out) {
    task.gradient = out.gradients[0];
    task.scale = out.scale;
    task.losses = out.losses;
    task.margins = out.margins;
    task.hits = reinterpret_cast<std::uint8_t*>(out.hits);
    return compute(loss, task);
  };
  const detail::LossNode node{.function = call.function,
                              .losses_shape = call.has_probabilities ? call.row_shape : call.target.shape(),
                              .reduction = call.options.reduction,
                              .denominator = denominator(call, labels),
                              .extras = call.options.extras,
                              .has_margins = call.has_logits && !call.has_probabilities,
                              .reduced_dim = call.classes_dim};
  return detail::loss_node<T>(node, std::array{&call.input}, compute_outputs, [&] {
    Call again = call;
    again.options.extras = nullptr;
    return detail::recorded_formula(std::array{call.input}, [loss, again](std::span<const Tensor> x) {
      Call of_input = again;
      of_input.input = x[0];
      return by_formula(loss, of_input);
    });
  });
}

template <class Loss>
Tensor class_loss(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                  const ClassOptions& options) {
  const Call call = check(function, input, target, options, takes_class_probabilities(Loss::info));
  check_parameters(loss);
  if (detail::needs_double(loss, call.input.dtype()))
    return detail::narrowed(class_loss(function, loss, input.to(DType::float64), target, options), options.extras);
  const Tensor& weight = call.weight;
  if (!has_kernel(loss, call) || needs_grad({&call.target}) || (weight.defined() && needs_grad({&weight})))
    return by_formula(loss, call);
  return visit_floating(call.input.dtype(), function, [&]<class T>() { return by_kernel<Loss, T>(loss, call); });
}

}  // namespace

double detail::class_denominator(const ClassOptions& options, const Shape& positions, const kernels::Labels* labels,
                                 const Tensor& target, const Tensor& weight, int classes_dim) {
  if (options.reduction != Reduction::mean) return 1;
  double count = static_cast<double>(numel(positions)), weights = count;
  if (labels) {
    count = static_cast<double>(labels->used);
    weights = labels->weight_sum;
  } else if (weight.defined() && options.normalize_by == Normalize::weight_sum) {
    const NoGrad no_grad;
    Shape along(target.rank(), 1);
    along[classes_dim] = target.size(classes_dim);
    weights = sum((target * weight.reshape(along)).to(DType::float64)).item();
  }
  if (options.normalize_by == Normalize::standard) return weights;
  return denominator_of(options.normalize_by, positions, count, weights);
}

int detail::check_logits(const char* function, const Tensor& input, const Tensor& target) {
  if (!input.defined() || !target.defined()) {
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  }
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  if (input.rank() == 0) fail<ShapeError>("{}: input has shape [] (valid: [C], [N, C] or [N, C, d1, ...])", function);
  return input.rank() == 1 ? 0 : 1;
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

void check_options(std::string_view loss, const ClassOptions& options) {
  if (!probabilities.contains(options.label_smoothing)) {
    fail<ValueError>("{}: label_smoothing is {} (valid: 0..1)", loss, options.label_smoothing);
  }
  if (options.reduction == Reduction::batchmean) {
    fail<ValueError>("{}: reduction batchmean is not supported (valid: none, mean, sum)", loss);
  }
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
  return class_loss(function, Written{loss}, *x[0], *x[1], options);
}

}  // namespace perdita
