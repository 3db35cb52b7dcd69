// Losses of spans: the value is returned, the gradient written into a span. No tensors are used.
//
// The formula is a loss of the list or a lambda:
//   double v = value_and_gradient(Huber{.delta = 2}, y, t, gradient);
//   double v = value_and_gradient([](auto y, auto t) { return log_cosh(y - t); }, y, t, gradient);
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "perdita/kernels/elementwise.hpp"
#include "perdita/losses/elementwise_only.hpp"
#include "perdita/losses/parameter_range.hpp"
#include "perdita/losses/reduction.hpp"

namespace perdita {

namespace detail {

template <class T>
void check_sizes(std::string_view operation, std::span<const T> input, std::span<const T> target,
                 std::span<const T> output, std::string_view output_name) {
  if (target.size() != input.size()) {
    fail<ShapeError>("{}: target has {} elements, but input has {} (must have the same length)", operation,
                     target.size(), input.size());
  }
  if (output.size() != input.size()) {
    fail<ShapeError>("{}: {} has room for {} elements, but input has {} (must have the same length)", operation,
                     output_name, output.size(), input.size());
  }
}

/// Throws ValueError if an output overlaps an input, unless both are the same memory and `may_be_same`.
template <class T>
void check_overlap(std::string_view operation, std::span<T> output, std::string_view output_name,
                   std::span<const T> input, std::string_view input_name, bool may_be_same) {
  const auto to = reinterpret_cast<std::uintptr_t>(output.data());
  const auto from = reinterpret_cast<std::uintptr_t>(input.data());
  if (to + output.size_bytes() <= from || from + input.size_bytes() <= to || (may_be_same && to == from)) return;
  fail<ValueError>("{}: {} overlaps {} (must not overlap{})", operation, output_name, input_name,
                   may_be_same ? fmt::format(", unless it is {} itself", input_name) : "");
}
template <class T>
void check_overlap(std::string_view operation, std::span<T> output, std::string_view output_name,
                   std::span<const T> input, std::span<const T> target) {
  check_overlap(operation, output, output_name, input, "input", true);
  check_overlap(operation, output, output_name, target, "target", true);
}

/// The denominator of the sum. The mean of no elements is nan, as in PyTorch.
inline double denominator(std::string_view operation, Reduction reduction, std::size_t count) {
  switch (reduction) {
    case Reduction::mean:
      return static_cast<double>(count);
    case Reduction::sum:
      return 1;
    default:
      fail<ValueError>("{}: reduction must be mean or sum for spans (call values() for the losses of the elements)",
                       operation);
  }
}

/// Throws ValueError for a parameter outside the range of floats. Lambdas have no parameters.
template <class T, class Formula>
void check_range([[maybe_unused]] std::string_view operation, [[maybe_unused]] const Formula& formula) {
  if constexpr (std::is_same_v<T, float> && requires { Formula::parameters(); }) {
    if (const auto* parameter = beyond_float_range(formula)) {
      fail<ValueError>(
          "{}: {} of {} is {} (valid for spans of float: an absolute value of 1e-18..1e18; use spans of double)",
          operation, parameter->name, Formula::info.name, parameter->get(formula));
    }
  }
}

template <class Range>
using ElementOf = std::remove_cv_t<typename decltype(std::span(std::declval<Range&>()))::element_type>;

/// Whether all ranges hold floats or all hold doubles, and `Formula` is a formula of single elements; if not, one
/// static_assert fails with the reason. No kernel may be instantiated then, because compilers would report each one.
template <class Formula, class... Ranges>
constexpr bool require_spans_of_elements() {
  using T = std::common_type_t<ElementOf<Ranges>...>;
  constexpr bool is_real =
      ((std::is_same_v<ElementOf<Ranges>, float> || std::is_same_v<ElementOf<Ranges>, double>)&&...);
  constexpr bool is_same = (std::is_same_v<ElementOf<Ranges>, T> && ...);
  static_assert(is_real, "a loss requires spans of float or double");
  static_assert(!is_real || is_same, "input, target and output must be spans of the same type, float or double");
  if constexpr (is_real && is_same)
    return require_elementwise<Formula>();
  else
    return false;
}

/// The sum of formula(y, t).
template <class Formula, class T>
double sum_of(const Formula& formula, std::span<const T> y, std::span<const T> t,
              const kernels::ElementwiseOutputs<T>& outputs) {
  return kernels::elementwise<Formula, T, 2>(formula, {y.data(), t.data()}, outputs, std::ssize(y));
}

}  // namespace detail

/// The reduced loss of `formula(input, target)`. Spans of float or double, of equal size; ShapeError otherwise.
template <class Formula, class Input, class Target>
double value(const Formula& formula, const Input& input, const Target& target, Reduction reduction = Reduction::mean) {
  if constexpr (detail::require_spans_of_elements<Formula, const Input, const Target>()) {
    using T = detail::ElementOf<const Input>;
    const std::span<const T> y(input), t(target);
    detail::check_range<T>("value", formula);
    detail::check_sizes<T>("value", y, t, y, "input");
    return detail::sum_of<Formula, T>(formula, y, t, {}) / detail::denominator("value", reduction, y.size());
  }
  return 0;
}

/// The loss of each element into `output`, which may be the input or the target itself; returns their sum. Throws
/// ShapeError; ValueError for memory that overlaps otherwise.
template <class Formula, class Input, class Target, class Output>
double values(const Formula& formula, const Input& input, const Target& target, Output&& output) {
  if constexpr (detail::require_spans_of_elements<Formula, const Input, const Target, Output>()) {
    using T = detail::ElementOf<const Input>;
    const std::span<const T> y(input), t(target);
    const std::span<T> out(output);
    detail::check_range<T>("values", formula);
    detail::check_sizes<T>("values", y, t, out, "output");
    detail::check_overlap("values", out, "output", y, t);
    return detail::sum_of<Formula, T>(formula, y, t, {.values = out.data()});
  }
  return 0;
}

/// The reduced loss, and into `gradient` its derivative with respect to each element of the input, in one pass over
/// memory. `gradient` may be the input or the target itself. Throws ShapeError; ValueError for memory that overlaps
/// otherwise.
template <class Formula, class Input, class Target, class Gradient>
requires(!std::is_arithmetic_v<Target>)  // a number is the size of rows: see comparing.hpp
    double value_and_gradient(const Formula& formula, const Input& input, const Target& target, Gradient&& gradient,
                              Reduction reduction = Reduction::mean) {
  if constexpr (detail::require_spans_of_elements<Formula, const Input, const Target, Gradient>()) {
    using T = detail::ElementOf<const Input>;
    const std::span<const T> y(input), t(target);
    const std::span<T> out(gradient);
    detail::check_range<T>("value_and_gradient", formula);
    detail::check_sizes<T>("value_and_gradient", y, t, out, "gradient");
    detail::check_overlap("value_and_gradient", out, "gradient", y, t);
    const double denominator = detail::denominator("value_and_gradient", reduction, y.size());
    const double sum = detail::sum_of<Formula, T>(formula, y, t, {.gradient = out.data(), .scale = 1 / denominator});
    return sum / denominator;
  }
  return 0;
}

}  // namespace perdita
