// Losses of single elements on tensors.
#include "perdita/functional/functional.hpp"
#include "perdita/functional/kernel_loss.hpp"
#include "perdita/functional/pair_loss.hpp"
#include "perdita/losses/kernels.hpp"
#include "perdita/losses/triple_kernels.hpp"

namespace perdita {

namespace {

using namespace detail;

Tensor fitted_variance(const char* function, const Tensor& input, const Tensor& variance, DType dtype) {
  const Tensor v = loss_operand(function, "var", variance, dtype);
  check_domain(function, "var", v, non_negative, true);
  Shape shape = v.shape();
  if (shape.rank() + 1 == input.rank()) shape.push_back(1);
  bool fits = shape.rank() == input.rank() || v.rank() == 0;
  for (int i = 0; fits && i < shape.rank(); ++i) fits = shape[i] == input.shape()[i] || shape[i] == 1;
  if (!fits) {
    fail<ShapeError>(
        "{}: var has shape {}, but input has {} (valid: the same, without the last size, or with "
        "sizes of 1)",
        function, v.shape(), input.shape());
  }
  return v.reshape(shape);
}

/// A loss of an input, a target and a variance; Kernel is the same formula with the target last.
template <class Kernel, class Loss>
Tensor triple_loss(const char* function, const Loss& loss, const Tensor& given_input, const Tensor& given_target,
                   const Tensor& variance, const LossOptions& options) {
  const DType dtype = loss_dtype(function, given_input, given_target);
  const Tensor input = loss_operand(function, "input", given_input, dtype);
  const Tensor target = loss_operand(function, "target", given_target, dtype);
  check_parameters(loss);
  check_broadcast(function, input.shape(), target.shape(), options);
  if (needs_double(loss, dtype)) {
    const Tensor wide = input.to(DType::float64);
    return narrowed(triple_loss<Kernel>(function, loss, wide, target.to(DType::float64), variance, options),
                    options.extras);
  }
  const Tensor v = fitted_variance(function, input, variance, dtype);
  if (!are_dense_alike({&input, &v, &target}) || options.weight.defined() || needs_grad({&target}))
    return reduce_losses(function, loss(input, target, v), options, Loss::info.mean);
  const auto formula = [=, target = Saved(target), options = without_extras(options)](std::span<const Tensor> x) {
    return reduce_losses(function, loss(x[0], target.get(function), x[1]), options, Loss::info.mean);
  };
  return visit_floating(dtype, function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 2>& out) {
      return of_two<T>(Kernel{loss}, {input.data<T>(), v.data<T>(), target.data<T>()}, out, input.numel());
    };
    return kernel_loss<T>(function, std::array{input, v}, input.shape(), options, compute, formula);
  });
}

}  // namespace

namespace functional {

#define PERDITA_DEFINE(Loss, function, Module)                                                                        \
  Tensor function(const Tensor& input, const Tensor& target, const perdita::Loss& loss, const LossOptions& options) { \
    return detail::pair_loss(#function, perdita::Loss::info, loss, input, target, options);                           \
  }
PERDITA_PAIR_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

Tensor quantile_loss(const Tensor& input, const Tensor& target, const Quantiles& loss, const LossOptions& options) {
  constexpr const char* function = "quantile_loss";
  const DType dtype = loss_dtype(function, input, target);
  loss.check();
  const auto count = static_cast<std::int64_t>(loss.levels.size());
  Shape expected = target.shape();
  expected.push_back(count);
  if (input.shape() != expected) {
    fail<ShapeError>("{}: input has shape {} and target {}, but there are {} quantiles (valid: {} for this target)",
                     function, input.shape(), target.shape(), count, expected);
  }
  if (options.pos_weight.defined()) fail<ValueError>("{}: takes no pos_weight (valid: none)", function);
  const Tensor q = Tensor::from(loss.levels).to(dtype), r = target.to(dtype).unsqueeze(-1) - input.to(dtype);
  return reduce_losses(function, q * max(r, 0.0) + (1.0 - q) * max(-r, 0.0), options, Quantile::info.mean);
}

#define PERDITA_DEFINE(Loss, function, Module)                                                                  \
  Tensor function(const Tensor& input, const Tensor& target, const Tensor& variance, const perdita::Loss& loss, \
                  const LossOptions& options) {                                                                 \
    return triple_loss<Loss##OfVariance>(#function, loss, input, target, variance, options);                    \
  }
PERDITA_TRIPLE_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace functional
}  // namespace perdita
