// Comparison of a run with a good one.
#pragma once

#include <optional>
#include <vector>

#include "perdita/diagnose/diagnosis.hpp"

namespace perdita::diagnose {

/// A finding if the lowest validation loss (training loss, if one of the runs has no validation loss) is above that of
/// the baseline, by more than 1 % and by three times the standard deviation of the baseline's loss from epoch to epoch
/// in the second half of its run. Throws ValueError if the runs have no loss in common.
std::optional<Finding> compare_with_baseline(const std::vector<evaluate::Record>& history,
                                             const std::vector<evaluate::Record>& baseline);

}  // namespace perdita::diagnose
