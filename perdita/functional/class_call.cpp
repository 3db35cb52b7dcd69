#include "perdita/functional/class_call.hpp"

#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"
#include "perdita/functional/staged.hpp"

namespace perdita {

namespace detail {

namespace {

Shape without(const Shape& shape, int dim) {
  Shape result = shape;
  result.erase(dim);
  return result;
}

void check_target_shape(const ClassCall& call) {
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

}  // namespace

ClassCall check_class_call(const char* function, const Tensor& input, const Tensor& target, const ClassOptions& options,
                           bool may_have_probabilities) {
  ClassCall call{.function = function,
                 .input = input,
                 .target = target,
                 .weight = {},
                 .options = options,
                 .layout = {},
                 .row_shape = {},
                 .classes_dim = check_logits(function, input, target),
                 .has_probabilities = false,
                 .has_logits = may_have_probabilities,
                 .dtype = computing_type(input.dtype())};
  const Shape& shape = input.shape();
  call.row_shape = without(shape, call.classes_dim);
  call.layout.classes = shape[call.classes_dim];
  for (int i = 0; i < shape.rank(); ++i) {
    if (i != call.classes_dim) (i < call.classes_dim ? call.layout.outer : call.layout.inner) *= shape[i];
  }
  if (call.layout.classes == 0)
    fail<ShapeError>("{}: input of shape {} has no classes (valid: 1 or more)", function, shape);

  call.has_probabilities = may_have_probabilities && is_real(target.dtype()) && target.shape() == shape;
  if (!call.has_probabilities) {
    if (may_have_probabilities && is_real(target.dtype()) && target.rank() == shape.rank()) {
      fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same, with class probabilities)",
                       function, target.shape(), shape);
    }
    if (is_real(target.dtype()) || target.dtype() == DType::boolean) {
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
    call.dtype = computing_type(promote(input.dtype(), target.dtype()));
    call.target = kept_or_converted(target, call.dtype);
    if (validates(options)) check_domain(function, "target", call.target, probabilities);
  }
  check_options(function, options);
  if (options.weight.defined()) {
    if (options.weight.shape() != Shape{call.layout.classes}) {
      fail<ShapeError>("{}: weight has shape {}, but input has {} classes (valid: [{}])", function,
                       options.weight.shape(), call.layout.classes, call.layout.classes);
    }
    call.weight = options.weight.to(call.dtype);
  }
  call.input = kept_or_converted(input, call.dtype);
  return call;
}

double denominator_of(const ClassCall& call, const kernels::Labels& labels) {
  const Tensor target = call.has_probabilities ? call.target.detach().to(call.dtype) : call.target;
  return class_denominator(call.options, call.row_shape, call.has_probabilities ? nullptr : &labels, target,
                           call.weight, call.classes_dim);
}

double class_denominator(const ClassOptions& options, const Shape& positions, const kernels::Labels* labels,
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

int check_logits(const char* function, const Tensor& input, const Tensor& target) {
  if (!input.defined() || !target.defined()) {
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  }
  if (!is_real(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  if (input.rank() == 0) fail<ShapeError>("{}: input has shape [] (valid: [C], [N, C] or [N, C, d1, ...])", function);
  return input.rank() == 1 ? 0 : 1;
}

}  // namespace detail

namespace {

void check_denominator(std::string_view loss, Reduction reduction, Normalize normalize_by) {
  if (normalize_by == Normalize::standard || reduction == Reduction::mean) return;
  fail<ValueError>(
      "{}: normalize_by is the denominator of a mean, but the reduction is {} (valid: reduction mean, or no "
      "normalize_by)",
      loss,
      reduction == Reduction::none  ? "none"
      : reduction == Reduction::sum ? "sum"
                                    : "batchmean");
}

}  // namespace

void check_options(std::string_view loss, const LossOptions& options) {
  check_denominator(loss, options.reduction, options.normalize_by);
  if (!probabilities.contains(options.label_smoothing)) {
    fail<ValueError>("{}: label_smoothing is {} (valid: 0..1)", loss, options.label_smoothing);
  }
}

void check_options(std::string_view loss, const ClassOptions& options) {
  check_denominator(loss, options.reduction, options.normalize_by);
  if (!probabilities.contains(options.label_smoothing)) {
    fail<ValueError>("{}: label_smoothing is {} (valid: 0..1)", loss, options.label_smoothing);
  }
  if (options.reduction == Reduction::batchmean) {
    fail<ValueError>("{}: reduction batchmean is not supported (valid: none, mean, sum)", loss);
  }
}

}  // namespace perdita
