// Parameters are doubles, operands may be floats: which parameters a computation in float can hold.
#pragma once

#include <cmath>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Whether formulas of floats are right for `value`: neither it nor its reciprocal, square or product with usual
/// operands leaves the normal range.
constexpr bool is_in_float_range(double value) {
  const double size = value < 0 ? -value : value;
  return value == 0 || size == std::numeric_limits<double>::infinity() || (size >= 1e-18 && size <= 1e18);
}

/// The first parameter of `loss` that is out of the range of floats, or null. A formula of yours has none.
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

}  // namespace perdita
