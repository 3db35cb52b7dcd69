// Parameters are doubles, operands may be floats: the range of parameters for computations in float.
#pragma once

#include <cmath>
#include <string>

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
    static constexpr auto parameters = Loss::parameters();
    for (const auto& parameter : parameters) {
      if (!parameter.is_bool && !parameter.is_integer && !is_in_float_range(parameter.get(loss))) return &parameter;
    }
  }
  return nullptr;
}

/// An interval in words: "any number", "0 or more", "0..1", "-1 or 1".
std::string to_string(const Interval& interval);

/// Throws ValueError unless every parameter of `loss` lies in its valid interval.
template <class Loss>
void check_parameters(const Loss& loss) {
  if constexpr (requires { loss.check(); }) loss.check();
  if constexpr (requires { Loss::parameters(); }) {
    for (const auto& parameter : Loss::parameters()) {
      if (!parameter.is_bool && !parameter.valid.contains(parameter.get(loss))) {
        const double value = parameter.get(loss);
        fail<ValueError>("{}: {} is {} (valid: {}{})", Loss::info.name, parameter.name, value,
                         to_string(parameter.valid),
                         std::isinf(value) && parameter.valid.finite_only ? ", finite" : "");
      }
    }
  }
}

}  // namespace perdita
