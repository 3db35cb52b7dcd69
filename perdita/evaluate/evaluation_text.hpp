// An evaluation as text for the terminal.
#pragma once

#include <string>

#include "perdita/evaluate/evaluation.hpp"

namespace perdita::evaluate {

/// Lines for a terminal, each terminated by a newline.
std::string to_text(const Evaluation& evaluation);

}  // namespace perdita::evaluate
