// A loss of an input, a target and a variance on tensors.
#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/of_three.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/slope.hpp"
#include "perdita/losses/triple_kernels.hpp"

namespace perdita::detail {

namespace {

Tensor fitted_variance(const char* function, const Tensor& input, const Tensor& variance, DType dtype) {
  const Tensor v = loss_operand(function, "var", variance, dtype);
  check_domain(function, "var", v, non_negative, true);
  Shape shape = v.shape();
  if (shape.rank() + 1 == input.rank()) shape.push_back(1);
  bool fits = shape.rank() == input.rank() || v.rank() == 0;
  for (int i = 0; fits && i < shape.rank(); ++i) fits = shape[i] == input.shape()[i] || shape[i] == 1;
  if (!fits) {
    fail<ShapeError>(
        "{}: var has shape {}, but input has {} (valid: the same, the same without the last dimension, or dimensions "
        "of size 1)",
        function, v.shape(), input.shape());
  }
  return v.reshape(shape);
}

Tensor gaussian_nll(const char* function, const GaussianNll& loss, const Tensor& given_input,
                    const Tensor& given_target, const Tensor& variance, const LossOptions& options) {
  const DType dtype = loss_dtype(function, given_input, given_target);
  const Tensor input = loss_operand(function, "input", given_input, dtype);
  const Tensor target = loss_operand(function, "target", given_target, dtype);
  check_parameters(loss);
  check_broadcast(function, input.shape(), target.shape(), options);
  if (needs_double(loss, dtype)) {
    const Tensor wide = input.to(DType::float64);
    return narrowed(gaussian_nll(function, loss, wide, target.to(DType::float64), variance, options), options.extras);
  }
  const Tensor v = fitted_variance(function, input, variance, dtype);
  if (!are_dense_alike({&input, &v, &target}) || options.weight.defined() || needs_grad({&target}))
    return reduce_losses(function, loss(input, target, v), options, GaussianNll::info.mean);
  const auto formula = [=, target = Saved(target), options = without_extras(options)](std::span<const Tensor> x) {
    return reduce_losses(function, loss(x[0], target.get(function), x[1]), options, GaussianNll::info.mean);
  };
  return visit_floating(dtype, function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 2>& out) {
      return of_three<T>(GaussianNllOfVariance{loss}, {input.data<T>(), v.data<T>(), target.data<T>()}, out,
                         input.numel());
    };
    return kernel_loss<T>(function, std::array{input, v}, input.shape(), options, compute, formula);
  });
}

}  // namespace

Tensor own_call(const char* function, const GaussianNll& loss, GivenTensors x, const LossOptions& options) {
  return gaussian_nll(function, loss, *x[0], *x[1], *x[2], options);
}

}  // namespace perdita::detail
