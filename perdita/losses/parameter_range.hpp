// Parameters are doubles, operands may be floats: the range of parameters for computations in float.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Whether formulas in float are correct for `value`: it, its reciprocal, its square and its product with typical
/// operands are in the normal range.
constexpr bool is_in_float_range(double value) {
  const double size = value < 0 ? -value : value;
  return value == 0 || size == std::numeric_limits<double>::infinity() || (size >= 1e-18 && size <= 1e18);
}

/// The first parameter of `loss` outside the range of floats, or null. Custom formulas have no parameters.
template <class Loss>
const Parameter<Loss>* beyond_float_range(const Loss& loss) {
  if constexpr (requires { Loss::parameters(); }) {
    for (const auto& parameter : parameter_table<Loss>) {
      if (!parameter.is_bool && !parameter.is_integer && !is_in_float_range(parameter.get(loss))) return &parameter;
    }
  }
  return nullptr;
}

/// An interval in words: "any number", "0 or more", "0..1", "-1 or 1".
std::string to_string(const Interval& interval);

/// Throws ValueError: the value of a parameter is outside its valid interval.
[[noreturn]] void refuse_parameter(std::string_view loss, const ParameterInfo& parameter, double value);

/// Throws ValueError unless every parameter of `loss` lies in its valid interval.
template <class Loss>
void check_parameters(const Loss& loss) {
  if constexpr (requires { loss.check(); }) loss.check();
  if constexpr (requires { Loss::parameters(); }) {
    for (const auto& parameter : parameter_table<Loss>) {
      const double value = parameter.get(loss);
      if (!parameter.is_bool && !parameter.valid.contains(value)) refuse_parameter(Loss::info.name, parameter, value);
    }
  }
}

}  // namespace perdita
