// What the report of a run tells.
#pragma once

#include "perdita/report/html.hpp"
#include "perdita/train/run.hpp"

namespace perdita::train {

/// Everything but history and diagnosis. `test` and `suspects` may be null. The pictures refer to the problem's
/// samples.
report::RunReport describe(const Problem& problem, const Trainer& trainer, const TestResult* test,
                           const report::Suspects* suspects);

}  // namespace perdita::train
