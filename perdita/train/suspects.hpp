// Training samples whose labels are probably wrong, rated if some were made wrong on purpose.
#pragma once

#include <optional>

#include "perdita/report/suspects.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {

/// report::find_suspects(), with `found` if the problem has label noise.
std::optional<report::Suspects> find_suspects(const Problem& problem, const report::MarginTracker& tracker);

}  // namespace perdita::train
