// What the report of a run tells.
#pragma once

#include "perdita/report/html.hpp"
#include "perdita/train/judge.hpp"
#include "perdita/train/trainer.hpp"

namespace perdita::train {

/// Everything but the history. `test` may be null. The pictures refer to the problem's test set.
report::RunReport describe(const Problem& problem, const Trainer& trainer, const Judgement* test);

}  // namespace perdita::train
