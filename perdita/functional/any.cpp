// A loss that is chosen at run time, on tensors.
#include <fmt/ranges.h>

#include <vector>

#include "perdita/functional/functional.hpp"

namespace perdita {

namespace {

std::vector<std::string_view> names_of(const Operands& operands) {
  std::vector<std::string_view> names;
  for (const LossOperand& operand : operands) names.push_back(operand.name);
  return names;
}

std::size_t least_count(const Operands& operands) {
  std::size_t count = 0, least = 0;
  for (const LossOperand& operand : operands) {
    ++count;
    if (!operand.is_optional) least = count;
  }
  return least;
}

void check_count(const char* function, const Operands& operands, std::size_t given) {
  if (given >= least_count(operands) && given <= operands.size()) return;
  fail<ValueError>("{}: got {} operands (valid: {})", function, given, fmt::join(names_of(operands), ", "));
}

/// Operands as the functions of losses take them: weights are options.
struct Sorted {
  std::vector<const Tensor*> tensors;
  LossOptions options;
};

Sorted sorted(const Operands& operands, std::span<const Tensor> given, const LossOptions& options) {
  static const Tensor absent;
  Sorted all{.tensors = {}, .options = options};
  std::size_t i = 0;
  for (const LossOperand& operand : operands) {
    const Tensor& tensor = i < given.size() ? given[i] : absent;
    ++i;
    if (operand.role != Role::weight)
      all.tensors.push_back(&tensor);
    else if (tensor.defined())
      (is_pos_weight(operand) ? all.options.pos_weight : all.options.weight) = tensor;
  }
  return all;
}

/// Those of the loss, or of the call.
LossOptions element_options(const AnyLoss& any, LossOptions options) {
  options.missing = options.missing || any.missing;
  if (any.label_smoothing != 0) options.label_smoothing = any.label_smoothing;
  return options;
}

}  // namespace

ClassOptions detail::class_options(const AnyLoss& any, const LossOptions& options) {
  LossOptions of_elements = options;
  of_elements.label_smoothing = 0;
  check_element_options(info_of(any).name, info_of(any), of_elements);
  return {.weight = options.weight,
          .ignore_index = any.ignore_index,
          .label_smoothing = any.label_smoothing != 0 ? any.label_smoothing : options.label_smoothing,
          .reduction = options.reduction,
          .normalize_by = options.normalize_by,
          .extras = options.extras,
          .validate = options.validate,
          .expected_upstream = options.expected_upstream};
}

namespace functional {

Tensor call(const AnyLoss& any, std::span<const Tensor> operands, const LossOptions& options) {
  return std::visit(
      [&]<class Loss>(const Loss& loss) {
        constexpr const char* function = function_name<Loss>;
        check_count(function, Loss::info.operands, operands.size());
        const Sorted all = sorted(Loss::info.operands, operands, options);
        if (nonfinite_detection()) detail::refuse_nonfinite(any, all.tensors, all.options);
        if constexpr (is_of_class_rows(Loss::info))
          return detail::call_loss(function, loss, all.tensors, detail::class_options(any, all.options));
        else
          return detail::call_loss(function, loss, all.tensors, element_options(any, all.options));
      },
      any.loss);
}

bool uses_expected_upstream(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  return is_of_class_rows(info) || is_elementwise(info);
}

Tensor formula_loss(const Tensor& input, const Tensor& target, const Formula& loss, const LossOptions& options) {
  const Tensor* const given[] = {&input, &target};
  return detail::call_loss("formula_loss", loss, given, options);
}

Tensor formula_loss(const Tensor& input, const Tensor& target, const ClassFormula& loss, const ClassOptions& options) {
  const Tensor* const given[] = {&input, &target};
  return detail::call_loss("formula_loss", loss, given, options);
}

}  // namespace functional
}  // namespace perdita
