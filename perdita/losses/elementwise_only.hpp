// Requirements of a formula of single elements, checked before a kernel is compiled for it: each mistake is one error.
#pragma once

#include <type_traits>

#include "perdita/losses/formula_probe.hpp"
#include "perdita/losses/info.hpp"

namespace perdita::detail {

enum class FormulaFault {
  none,
  rows_of_classes,
  rows,
  masks,
  sequences,
  images,
  more_operands,
  not_two_numbers,
  functions_of_std,
  ignores_input,
  not_one_number
};

/// The reason why `Formula` is not a formula of an input and a target. Losses of the list with other operands are
/// rejected because the result would be wrong.
template <class Formula>
constexpr FormulaFault fault_of() {
  constexpr bool takes_two = requires(const Formula& f, const Dual<Probe>& y, const Probe& t) { f(y, t); };
  if constexpr (requires { Formula::info.unit; }) {
    constexpr const LossInfo& info = Formula::info;
    if (is_of_class_rows(info)) return FormulaFault::rows_of_classes;
    if (compares_predictions(info)) return FormulaFault::rows;
    if (info.unit == Unit::mask) return FormulaFault::masks;
    if (info.unit == Unit::sequence) return FormulaFault::sequences;
    if (info.unit == Unit::image) return FormulaFault::images;
    if (!takes_two) return FormulaFault::more_operands;
  }
  if constexpr (takes_two) {
    using Result = std::remove_cvref_t<std::invoke_result_t<const Formula&, const Dual<Probe>&, const Probe&>>;
    if (std::is_same_v<Result, ProbeOfStd>) return FormulaFault::functions_of_std;
    if (std::is_same_v<Result, Probe> || std::is_arithmetic_v<Result>) return FormulaFault::ignores_input;
    if (!std::is_same_v<Result, Dual<Probe>>) return FormulaFault::not_one_number;
    return FormulaFault::none;
  }
  return FormulaFault::not_two_numbers;
}

/// Whether `Formula` is a formula of an input and a target; if not, a static_assert fails with the reason.
template <class Formula>
constexpr bool require_elementwise() {
  constexpr FormulaFault fault = fault_of<Formula>();
  static_assert(
      fault != FormulaFault::rows_of_classes,
      "this loss is defined on rows of classes, not on single elements: call value_and_gradient(loss, logits, labels, "
      "gradient) with int64 labels (perdita/losses/span.hpp), or its tensor function");
  static_assert(fault != FormulaFault::rows,
                "this loss compares rows and is not defined on single elements: see perdita/losses/span.hpp, or call "
                "its tensor function");
  static_assert(
      fault != FormulaFault::masks,
      "this loss is defined on masks, not on single elements: call value_and_gradient(loss, logits, targets, pixels, "
      "gradient) (perdita/losses/span.hpp), or its tensor function");
  static_assert(fault != FormulaFault::sequences,
                "this loss is defined on sequences, not on single elements: call its tensor function");
  static_assert(fault != FormulaFault::images,
                "this loss is defined on images, not on single elements: call its tensor function");
  static_assert(fault != FormulaFault::more_operands,
                "this loss takes more than an input and a target: call its tensor function");
  static_assert(fault != FormulaFault::not_two_numbers,
                "a formula must take two numbers, an input and a target: [](auto y, auto t) { return abs(y - t); }");
  static_assert(fault != FormulaFault::functions_of_std,
                "a formula must call the functions of perdita, without std::: abs(y - t), not std::abs(y - t)");
  static_assert(fault != FormulaFault::ignores_input,
                "the formula's value does not depend on its first argument (the input), so it has no gradient");
  static_assert(fault != FormulaFault::not_one_number, "a formula must return one number");
  return fault == FormulaFault::none;
}

}  // namespace perdita::detail
