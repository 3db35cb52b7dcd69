// An evaluation as JSON, for programs.
#pragma once

#include <string>

#include "perdita/evaluate/evaluation.hpp"

namespace perdita::evaluate {

/// One object. A number that is not finite is null.
std::string to_json(const Evaluation& evaluation);

/// Row of a sample, and its column if a row has several elements.
struct Place {
  std::int64_t row = 0, column = 0;
};
Place place_of(const Evaluation& evaluation, const HardSample& sample);

}  // namespace perdita::evaluate
