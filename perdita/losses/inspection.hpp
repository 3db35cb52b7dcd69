// What is worth knowing of a written loss before training with it, found by evaluating it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/losses/formula.hpp"

namespace perdita {

struct InspectionOptions {
  std::vector<double> targets = {0, 1};
  double low = -5, high = 5;  ///< of the input: where the shape is looked at
};

/// Something about the loss at one place, in words.
struct Finding {
  enum class Kind {
    wrong_slope,      ///< the slope is not what differences of the value give
    kink,             ///< the slope jumps
    jump,             ///< the value jumps
    not_finite,       ///< value or slope is NaN or infinite, in double or in float32
    flat,             ///< (nearly) no slope, though the loss is not at its least
    not_convex,       ///< below no tangent and above a chord
    unbounded_below,  ///< falls for ever
    advice,           ///< a form that is more exact
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
  std::int64_t compared = 0;      ///< points where slope and differences were compared
  double worst_difference = 0;    ///< the largest, relative to the slope
  double finite_to = 0;           ///< inputs as far from 0 as this were tried
};

/// Looks at the loss at some thousand points. Throws ValueError where low is not below high, a target is not finite, or
/// there is none.
Inspection inspect(const detail::WrittenLoss& loss, const InspectionOptions& options);

}  // namespace perdita
