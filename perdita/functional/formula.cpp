// Losses that are written as text on tensors.
#include "perdita/losses/formula.hpp"

#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/elementwise.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/tensor/replay.hpp"

namespace perdita {

Tensor detail::recorded_losses(const WrittenLoss& loss, const Tensor& input, const Tensor& target,
                               std::span<const Tensor> parameters) {
  const Expr& value = parameters.empty() ? loss.value() : loss.parametric_value();
  const DType computing_type = loss.is_computed_in_float64() ? DType::float64 : input.dtype();
  std::vector<Tensor> operands{input.to(computing_type), target.to(computing_type)};
  for (const Tensor& parameter : parameters) operands.push_back(parameter.to(computing_type));
  const Replay replay(std::span(&value, 1), operands);
  return replay.value(value).to(input.dtype()).expand(broadcast_shapes(input.shape(), target.shape(), "formula_loss"));
}

namespace {

using namespace detail;

struct FormulaParts {
  const char* function;
  const LossInfo& info;
  Formula loss;

  template <class T>
  double compute(const std::array<const T*, 2>& in, const kernels::ElementwiseOutputs<T>& out,
                 std::int64_t count) const {
    return loss.compute<T>(in[0], in[1], count, {.losses = out.values, .by_input = out.gradient, .scale = out.scale});
  }
  Tensor by_formula(const Tensor& input, const Tensor& target, const LossOptions& options) const {
    return reduce_present("formula_loss", recorded_losses(loss, input, target), target, options, Normalize::count);
  }
  static constexpr bool takes_pos_weight = false;
};

/// By a kernel that computes the gradients with respect to both operands in the forward pass.
Tensor computed_losses(const Formula& loss, const Tensor& input, const Tensor& target, const LossOptions& options) {
  return visit_floating(input.dtype(), "formula_loss", [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 2>& outputs) {
      return loss.compute<T>(input.data<T>(), target.data<T>(), input.numel(),
                             {.losses = outputs.losses,
                              .by_input = outputs.gradients[0],
                              .by_target = outputs.gradients[1],
                              .scale = outputs.scale});
    };
    const auto recorded = [loss, options = without_extras(options)](std::span<const Tensor> x) {
      return reduce_losses("formula_loss", recorded_losses(loss, x[0], x[1]), options, Normalize::count);
    };
    return kernel_loss<T, 2>("formula_loss", {input, target}, input.shape(), options, compute, recorded);
  });
}

}  // namespace

void detail::check_parameters_of(const char* function, const WrittenLoss& loss, std::span<const Tensor> parameters) {
  if (parameters.size() != loss.parameters().size()) {
    fail<ValueError>("{}: got {} parameters, but the formula has {} (valid: one tensor for each)", function,
                     parameters.size(), loss.parameters().size());
  }
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    if (parameters[k].defined() && parameters[k].rank() == 0 && is_floating(parameters[k].dtype())) continue;
    fail<ShapeError>("{}: the parameter {} is not a number (valid: a floating-point tensor of shape [])", function,
                     loss.parameters()[k].name);
  }
}

Tensor functional::formula_loss(const Tensor& input, const Tensor& target, std::span<const Tensor> parameters,
                                const Formula& loss, const LossOptions& options) {
  constexpr const char* function = "formula_loss";
  check_parameters_of(function, loss, parameters);
  if (parameters.empty()) return formula_loss(input, target, loss, options);
  check_options(function, options);
  check_element_options(function, Formula::info, options);
  const DType dtype = loss_dtype(function, input, target);
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  check_broadcast(function, input.shape(), target.shape(), options);
  const Tensor y = input.to(dtype), t = target.to(dtype);
  return reduce_present(function, recorded_losses(loss, y, t, parameters), t, options, Normalize::count);
}

Tensor detail::call_loss(const char* function, const Formula& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &given_input = *x[0], &given_target = *x[1];
  check_options(function, options);
  check_element_options(function, Formula::info, options);
  const DType dtype = loss_dtype(function, given_input, given_target);
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  check_broadcast(function, given_input.shape(), given_target.shape(), options);
  if (can_be_staged(given_input, given_target, options))
    return by_kernel(FormulaParts{function, Formula::info, loss}, dtype, given_input, given_target, options);
  const Tensor input = given_input.to(dtype), target = given_target.to(dtype);
  if (!options.weight.defined() && !options.missing && are_dense_alike({&input, &target}))
    return computed_losses(loss, input, target, options);
  return reduce_present(function, recorded_losses(loss, input, target), target, options, Normalize::count);
}

}  // namespace perdita
