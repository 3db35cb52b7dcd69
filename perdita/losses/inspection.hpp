// Properties of a formula that matter for training, found by evaluating it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/losses/formula.hpp"

namespace perdita {

struct InspectionOptions {
  std::vector<double> targets = {0, 1};
  double low = -5, high = 5;  ///< range of the input
};

/// A property of the loss at one place, in words.
struct Finding {
  enum class Kind {
    wrong_slope,      ///< the derivative differs from finite differences of the value
    kink,             ///< the derivative jumps
    jump,             ///< the value jumps
    not_finite,       ///< value or derivative is NaN or infinite, in double or in float32
    flat,             ///< (nearly) zero derivative, though the loss is not at its minimum
    not_convex,       ///< below no tangent and above a chord
    unbounded_below,  ///< decreases without bound
  };
  Kind kind;
  std::string text;
  double input = 0, target = 0;  ///< an example
};
std::string_view name_of(Finding::Kind kind);

/// The loss over the input, for one target.
struct InspectedCurve {
  double target = 0;
  std::vector<double> input, value, slope;
  double least_at = 0, least = 0;
};

struct Inspection {
  std::vector<InspectedCurve> curves;
  std::vector<Finding> findings;  ///< in the order of Kind
  std::int64_t compared = 0;      ///< points where derivative and differences were compared
  double worst_difference = 0;    ///< the largest, relative to the derivative
  double finite_to = 0;           ///< inputs as far from 0 as this were tried
};

/// Evaluates the loss at some thousand points. Throws ValueError if low is not below high, a target is not finite, or
/// the options have no target.
Inspection inspect(const detail::WrittenLoss& loss, const InspectionOptions& options);

}  // namespace perdita
