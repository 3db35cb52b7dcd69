#include "cli/examples.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace perdita::cli {

namespace {

/// The function and the module of a loss of the list.
struct Names {
  std::string_view loss, function, module;
};
constexpr Names names_of_losses[] = {
#define PERDITA_NAMES(Loss, function, Module) {Loss::info.name, #function, #Module},
    PERDITA_LOSSES(PERDITA_NAMES)
#undef PERDITA_NAMES
};

/// Whether a module of Python has the operand as an option: the counts of classes.
bool is_bound(const LossOperand& operand) {
  return operand.role == Role::side_information && operand.meaning == Meaning::count;
}

/// The operands of a call that are required, or those of them that a module has or has not as options: names as
/// variables.
template <class Which>
std::string arguments_of(const LossInfo& info, const Which& which) {
  std::vector<std::string_view> names;
  for (const LossOperand& operand : info.operands)
    if (operand.role != Role::weight && !operand.is_optional && which(operand)) names.push_back(operand.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// "delta=1.0" as options of Python have it.
std::string python_option(const ParameterValue& parameter) {
  const std::string value = text_of(parameter, parameter.value);
  if (parameter.is_bool) return fmt::format("{}={}", parameter.name, parameter.value != 0 ? "True" : "False");
  const std::string_view quote = parameter.choices.empty() ? "" : "\"";
  return fmt::format("{}={}{}{}", parameter.name, quote, value, quote);
}

Examples examples(const AnyLoss& loss, const Names& names) {
  const LossInfo& info = info_of(loss);
  const std::string arguments = arguments_of(info, [](const LossOperand&) { return true; }),
                    bound = arguments_of(info, is_bound),
                    given = arguments_of(info, [](const LossOperand&operand) { return !is_bound(operand); }),
                    function(names.function);
  std::string python, cpp, text(names.loss);
  for (const ParameterValue& parameter : parameters_of(loss)) {
    const std::string value = text_of(parameter, parameter.value);
    if (python.empty()) {
      python = python_option(parameter);
      text += fmt::format(":{}={}", parameter.name, value);
    }
    if (cpp.empty() && parameter.choices.empty()) cpp = fmt::format("{{.{} = {}}}", parameter.name, value);
  }
  const auto call = [&](const std::string& name, const std::string& options) {
    return fmt::format("{}({}{}{})", name, arguments, options.empty() ? "" : ", ", options);
  };
  return {.cpp = {call("perdita::functional::" + function, cpp)},
          .python = {call("perdita.functional." + function, python) + "  # NumPy arrays",
                     call("perdita.torch.functional." + function, python) + "  # torch tensors",
                     fmt::format("perdita.torch.nn.{}({}{}{})({})", names.module, bound,
                                 bound.empty() || python.empty() ? "" : ", ", python, given)},
          .text = {text}};
}

}  // namespace

Examples examples_of(const AnyLoss& loss) {
  const auto* const found = std::ranges::find(names_of_losses, info_of(loss).name, &Names::loss);
  const bool is_listed = found != std::ranges::end(names_of_losses) && levels_of(loss).empty();
  return is_listed ? examples(loss, *found) : Examples{};
}

}  // namespace perdita::cli
