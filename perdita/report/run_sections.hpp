// The sections of the report of a training run. Each is the body of a section, empty if there are no data for it.
#pragma once

#include <string>

#include "perdita/report/html.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {

bool is_classification(const RunReport& report);
/// Metrics of a regression.
bool is_regression(const RunReport& report);

/// Loss curves by epoch, and the generalization gap below them.
std::string epoch_section(const RunReport& report);
/// Losses and weights of the parts of a sum of losses, by epoch.
std::string part_section(const RunReport& report);
/// The training loss of each class by epoch; of many classes those with the largest loss.
std::string class_curve_section(const RunReport& report);
/// The losses of the steps, with a slider for their smoothing.
std::string step_section(const RunReport& report);
/// The distribution of the test losses, in total and by class.
std::string distribution_section(const RunReport& report, const evaluate::Summary& test);
/// The test samples with the largest losses.
std::string hardest_section(const RunReport& report);
/// The training samples whose labels are probably wrong.
std::string suspects_section(const RunReport& report);

}  // namespace perdita::report
