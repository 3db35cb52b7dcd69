// Losses of single elements on tensors.
#include <cmath>

#include "perdita/kernels/domain.hpp"
#include "perdita/losses/kernels.hpp"
#include "perdita/tensor/functional.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/reduce_loss.hpp"
#include "perdita/tensor/slope.hpp"

namespace perdita {

namespace {

using detail::denominator_of;

/// `tensor` as an operand of the loss: computed, of a floating dtype.
Tensor operand(const char* function, const char* argument, const Tensor& tensor, DType dtype) {
  if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  return tensor.to(dtype);
}

DType common_dtype(const char* function, const Tensor& input, const Tensor& target) {
  if (!input.defined() || !target.defined()) {
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  }
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  return is_floating(target.dtype()) ? promote(input.dtype(), target.dtype()) : input.dtype();
}

void check_same_shape(const char* function, const Tensor& input, const Tensor& target) {
  if (input.shape() != target.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
}

void check_domain(const char* function, const char* argument, const Tensor& tensor, const Interval& domain) {
  const Tensor dense = tensor.detach().contiguous();
  visit_floating(dense.dtype(), function, [&]<class T>() {
    const T* const data = dense.data<T>();
    const std::int64_t bad = kernels::first_outside(data, dense.numel(), domain.low, domain.high);
    if (bad < dense.numel()) {
      fail<ValueError>("{}: {}[{}] is {} (valid: {})", function, argument, bad, data[bad], to_string(domain));
    }
  });
}

/// The losses of the elements, reduced by recorded operators.
Tensor reduce(const char* function, const Tensor& losses, const LossOptions& options, Normalize standard) {
  const bool weighted = options.weight.defined();
  const Tensor weight = weighted ? options.weight.to(losses.dtype()) : Tensor();
  const Tensor terms = weighted ? losses * weight : losses;
  if (weighted && terms.shape() != losses.shape()) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the loss's {}", function, weight.shape(),
                     losses.shape());
  }
  const Normalize normalize = options.normalize_by == Normalize::standard ? standard : options.normalize_by;
  switch (options.reduction) {
    case Reduction::none:
      return terms;
    case Reduction::sum:
      return sum(terms);
    case Reduction::batchmean:
      return sum(terms) / denominator_of(Normalize::batch, terms.shape(), 0, 0);
    case Reduction::mean:
      break;
  }
  if (normalize == Normalize::weight_sum && weighted) return sum(terms) / sum(weight.expand(terms.shape()));
  const double count = static_cast<double>(terms.numel());
  return sum(terms) / denominator_of(normalize, terms.shape(), count, count);
}

/// Whether the compiled kernel serves: dense operands of one shape, and a gradient by the input at most.
bool is_plain(const Tensor& input, const Tensor& target, const LossOptions& options) {
  return !options.weight.defined() && !options.pos_weight.defined() && input.shape() == target.shape() &&
         input.is_contiguous() && target.is_contiguous() && !needs_grad({&target});
}

template <class Loss>
Tensor by_formula(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                  const LossOptions& options) {
  if (options.pos_weight.defined()) {
    if constexpr (requires { loss(input, target, options.pos_weight); }) {
      const Tensor losses = loss(input, target, options.pos_weight.to(input.dtype()));
      if (losses.shape() != input.shape()) {
        fail<ShapeError>("{}: pos_weight of shape {} does not broadcast to the input's {}", function,
                         options.pos_weight.shape(), input.shape());
      }
      return reduce(function, losses, options, Loss::info.mean);
    } else {
      fail<ValueError>("{}: takes no pos_weight (valid: none)", function);
    }
  }
  return reduce(function, loss(input, target), options, Loss::info.mean);
}

template <class Loss, class T>
Tensor by_kernel(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                 const LossOptions& options) {
  const bool reduces = options.reduction != Reduction::none, wants_gradient = needs_grad({&input});
  const Normalize normalize = options.reduction == Reduction::batchmean ? Normalize::batch : options.normalize_by;
  const double count = static_cast<double>(input.numel());
  const bool divides = reduces && options.reduction != Reduction::sum;
  const double denominator = divides ? denominator_of(normalize, input.shape(), count, count) : 1.0;

  Tensor gradient = wants_gradient ? Tensor::empty(input.shape(), input.dtype()) : Tensor();
  Tensor losses = Tensor::empty(reduces ? Shape{} : input.shape(), input.dtype());
  const kernels::ElementwiseOutputs<T> outputs{.values = reduces ? nullptr : losses.mutable_data<T>(),
                                               .gradient = wants_gradient ? gradient.mutable_data<T>() : nullptr,
                                               .scale = 1 / denominator};
  const double total =
      kernels::elementwise<Loss, T, 2>(loss, {input.data<T>(), target.data<T>()}, outputs, input.numel());
  if (reduces) *losses.mutable_data<T>() = static_cast<T>(total / denominator);
  if (!wants_gradient) return losses;
  return make_node(
      function, losses, {&input},
      [loss, gradient, denominator, input = Saved(input), target = Saved(target)](BackwardContext& b) mutable {
        if (!b.create_graph()) return detail::scale_gradient(b, gradient, -1);
        const Tensor& y = input.get(b.name());
        const Dual<Tensor> dual{y, Tensor::ones(y.shape(), y.dtype())};
        b.set(0, b.upstream() * loss(dual, target.get(b.name())).d / denominator);
      });
}

template <class Loss>
Tensor pair_loss(const char* function, const Loss& loss, const Tensor& given_input, const Tensor& given_target,
                 const LossOptions& options) {
  const DType dtype = common_dtype(function, given_input, given_target);
  const Tensor input = operand(function, "input", given_input, dtype);
  const Tensor target = operand(function, "target", given_target, dtype);
  check_parameters(loss);
  if (Loss::info.broadcasts)
    broadcast_shapes(input.shape(), target.shape(), function);
  else
    check_same_shape(function, input, target);
  if (Loss::info.checks_domain) {
    check_domain(function, "input", input, Loss::info.input);
    check_domain(function, "target", target, Loss::info.target);
  }
  if (!is_plain(input, target, options)) return by_formula(function, loss, input, target, options);
  return visit_floating(dtype, function,
                        [&]<class T>() { return by_kernel<Loss, T>(function, loss, input, target, options); });
}

Tensor fitted_variance(const char* function, const Tensor& input, const Tensor& variance, DType dtype) {
  const Tensor v = operand(function, "variance", variance, dtype);
  check_domain(function, "variance", v, non_negative);
  Shape shape = v.shape();
  if (shape.rank() + 1 == input.rank()) shape.push_back(1);
  bool fits = shape.rank() == input.rank() || v.rank() == 0;
  for (int i = 0; fits && i < shape.rank(); ++i) fits = shape[i] == input.shape()[i] || shape[i] == 1;
  if (!fits) {
    fail<ShapeError>(
        "{}: variance has shape {}, but input has {} (valid: the same, without the last size, or with "
        "sizes of 1)",
        function, v.shape(), input.shape());
  }
  return v.reshape(shape);
}

template <class Loss>
Tensor triple_loss(const char* function, const Loss& loss, const Tensor& given_input, const Tensor& given_target,
                   const Tensor& variance, const LossOptions& options) {
  const DType dtype = common_dtype(function, given_input, given_target);
  const Tensor input = operand(function, "input", given_input, dtype);
  const Tensor target = operand(function, "target", given_target, dtype);
  check_parameters(loss);
  return reduce(function, loss(input, target, fitted_variance(function, input, variance, dtype)), options,
                Loss::info.mean);
}

}  // namespace

namespace functional {

#define PERDITA_DEFINE(Loss, function, Module)                                                                        \
  Tensor function(const Tensor& input, const Tensor& target, const perdita::Loss& loss, const LossOptions& options) { \
    return pair_loss(#function, loss, input, target, options);                                                        \
  }
PERDITA_PAIR_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

#define PERDITA_DEFINE(Loss, function, Module)                                                                  \
  Tensor function(const Tensor& input, const Tensor& target, const Tensor& variance, const perdita::Loss& loss, \
                  const LossOptions& options) {                                                                 \
    return triple_loss(#function, loss, input, target, variance, options);                                      \
  }
PERDITA_TRIPLE_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace functional
}  // namespace perdita
