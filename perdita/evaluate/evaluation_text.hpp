// An evaluation as text, for people.
#pragma once

#include <string>

#include "perdita/evaluate/evaluation.hpp"

namespace perdita::evaluate {

/// Lines for a terminal, each with its end.
std::string to_text(const Evaluation& evaluation);

}  // namespace perdita::evaluate
