// Losses that are formulas of several operands, on tensors.
#include "perdita/functional/several_operands.hpp"

#include <algorithm>
#include <cmath>

#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/losses/compiled.hpp"

namespace perdita::detail {

namespace {

/// The operands of a call in one dtype and shape, and the shapes they had.
struct Aligned {
  std::vector<Tensor> tensors;
  DType dtype;
  Shape shape;
};

/// The dtype that the operands which decide it promote to.
DType dtype_of_operands(const char* function, const LossInfo& info, GivenTensors x) {
  std::optional<DType> common;
  std::size_t k = 0;
  for (const LossOperand& operand : info.operands) {
    if (operand.role == Role::weight) continue;
    const Tensor& tensor = *x[k++];
    if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, operand.name);
    if (operand.role == Role::prediction && !is_real(tensor.dtype())) {
      fail<DTypeError>("{}: {} holds {} (valid: float32, float64)", function, operand.name, name_of(tensor.dtype()));
    }
    if (!operand.decides_dtype || !is_real(tensor.dtype())) continue;
    common = common ? promote(*common, tensor.dtype()) : tensor.dtype();
  }
  return computing_type(*common);
}

/// The shape that all operands broadcast to, which must be that of one of them unless the options allow others.
Shape common_shape(const char* function, const LossInfo& info, std::span<const Tensor> x, const LossOptions& options) {
  Shape common = x[0].shape();
  for (const Tensor& tensor : x) common = broadcast_shapes(common, tensor.shape(), function);
  const bool is_given = std::ranges::any_of(x, [&](const Tensor& tensor) { return tensor.shape() == common; });
  if (is_given || options.broadcasts_both) return common;
  std::string shapes;
  for (std::size_t k = 0; k < x.size(); ++k)
    shapes += fmt::format("{}{} {}", k > 0 ? ", " : "", (info.operands.begin() + k)->name, x[k].shape());
  fail<ShapeError>(
      "{}: the operands have shapes {}, and the losses would have {} (valid: one of these shapes, to which the others "
      "broadcast; broadcasts_both allows this)",
      function, shapes, common);
}

void check_operand(const char* function, const LossInfo& info, const LossOperand& operand, const Tensor& tensor,
                   const LossOptions& options) {
  if (operand.role == Role::side_information && needs_grad({&tensor})) {
    fail<GraphError>("{}: {} requires a gradient (valid: a constant, for example the tensor's detach())", function,
                     operand.name);
  }
  const Interval& domain = operand.domain;
  if (!info.checks_domain && !validates(options)) return;
  if (std::isfinite(domain.low) || std::isfinite(domain.high))
    check_domain(function, std::string(operand.name).c_str(), tensor, domain);
}

Aligned aligned(const char* function, const LossInfo& info, DType dtype, GivenTensors x, const LossOptions& options) {
  Aligned all{.tensors = {}, .dtype = dtype, .shape = {}};
  for (const LossOperand& operand : info.operands) {
    if (operand.role == Role::weight) continue;
    const Tensor& given = *x[all.tensors.size()];
    check_operand(function, info, operand, given, options);
    all.tensors.push_back(given.to(dtype));
  }
  all.shape = common_shape(function, info, all.tensors, options);
  return all;
}

/// The denominator of a loss whose mean is over the batch.
LossOptions with_standard_mean(const LossInfo& info, LossOptions options) {
  if (options.normalize_by == Normalize::standard) options.normalize_by = info.mean;
  return options;
}

template <class Loss, std::size_t... k>
Tensor formula_of(const Loss& loss, std::span<const Tensor> x, std::index_sequence<k...>) {
  return loss(x[k]...);
}

/// The loss by its kernel: gradients with respect to the predictions, without weights.
template <class Loss, class T>
Tensor by_kernel(const char* function, const Loss& loss, const Aligned& all, const LossOptions& options) {
  constexpr std::size_t arity = Loss::info.operands.count_without_weights();
  std::array<Tensor, arity> x;
  for (std::size_t k = 0; k < arity; ++k) x[k] = all.tensors[k].expand(all.shape).contiguous();
  const auto kernel = [&](const auto& in, const auto& out, std::int64_t count) {
    return kernels::CompiledSeveral<Loss, T>::compute(loss, in, out, count);
  };
  const auto losses_of = [loss](const std::array<Tensor, arity>& given) {
    return formula_of(loss, given, std::make_index_sequence<arity>());
  };
  return loss_of_several<T>(function, x, kernels::places_of_predictions<Loss>, Loss::info.mean, options, kernel,
                            losses_of);
}

template <class Loss>
Tensor loss_of_aligned(const char* function, const Loss& loss, const Aligned& all, const LossOptions& options) {
  std::size_t k = 0;
  bool wants_more = false;  // gradients that the kernel does not compute
  for (const LossOperand& operand : Loss::info.operands) {
    if (operand.role == Role::weight) continue;
    wants_more = wants_more || (operand.role != Role::prediction && needs_grad({&all.tensors[k]}));
    ++k;
  }
  if (wants_more) {
    std::vector<Tensor> x;
    for (const Tensor& tensor : all.tensors) x.push_back(tensor.expand(all.shape));
    constexpr auto every = std::make_index_sequence<Loss::info.operands.count_without_weights()>();
    return reduce_losses(function, formula_of(loss, x, every), options, Loss::info.mean);
  }
  return visit_floating(all.dtype, function, [&]<class T>() {
    return weighted_loss(function, Loss::info.mean, options,
                         [&](const LossOptions& own) { return by_kernel<Loss, T>(function, loss, all, own); });
  });
}

}  // namespace

template <class Loss>
Tensor SeveralOperandsCall<Loss, true>::call(const char* function, const Loss& loss, GivenTensors x,
                                             const LossOptions& given_options) {
  const DType dtype = dtype_of_operands(function, Loss::info, x);
  check_parameters(loss);
  const LossOptions options = with_standard_mean(Loss::info, given_options);
  const DType computed = needs_double(loss, dtype) ? DType::float64 : dtype;
  const Tensor result = loss_of_aligned(function, loss, aligned(function, Loss::info, computed, x, options), options);
  return computed == dtype ? result : narrowed(result, options.extras);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct SeveralOperandsCall<Loss>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::detail
