// The charts of a training run: curves, ranges and scales.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "perdita/report/chart.hpp"
#include "perdita/report/html.hpp"

namespace perdita::report {

/// Summary of the records of the epochs; 0 or NaN for missing values.
struct EpochSummary {
  std::int64_t epochs = 0;
  std::int64_t best = 0;  ///< epoch of the lowest validation loss (training loss if there is none)
  double best_val = std::numeric_limits<double>::quiet_NaN(), best_train = best_val, last_val = best_val;
  double seconds = 0.0;
};
EpochSummary summarize_epochs(const RunReport& report);

LineChart epoch_chart(const RunReport& report, bool log_y);
/// The names of the parts of a sum of losses; none for a single loss.
std::vector<std::string> part_names(const RunReport& report);
/// The values key + NAME of the epochs, for each part of a sum of losses.
LineChart part_chart(const RunReport& report, const std::string& key, const std::string& label);
/// The training loss of at most four classes, those with the largest one in the last epoch; no series if the history
/// does not have them, or if there was one epoch.
LineChart class_curve_chart(const RunReport& report, bool log_y);
/// Validation loss minus training loss; no series if the record of an epoch lacks one of them.
LineChart gap_chart(const RunReport& report);

/// The training loss of the steps, thinned to at most 1,000 points: x, mean of the steps between two points, and the
/// curve through least and largest of them.
struct StepCurve {
  Series extent;
  std::vector<double> x, mean;
};
StepCurve step_curve(const RunReport& report);
constexpr double default_smoothing = 0.9;
LineChart step_chart(const StepCurve& steps, bool log_y);
/// Exponential moving average with bias correction (Kingma & Ba 2015, section 3); values that are not finite are kept
/// in the result and ignored in the average.
std::vector<double> smoothed(std::span<const double> values, double smoothing);

/// Whether a logarithmic axis is preferable: all losses are positive, and the tail is far from the median.
bool prefers_log(const evaluate::Summary& losses);
/// From the least loss to the 99th percentile, or over all on a logarithmic axis.
DistributionChart loss_distribution(std::span<const float> losses, const evaluate::Summary& range, bool log_x);

/// The kernel density of losses over the range of a histogram of them.
evaluate::Density loss_density(std::span<const float> losses, const evaluate::Histogram& over, bool log_x);

/// The same for each class that has losses, small, all on the axis of `range`, and titled by the class's name; of many
/// classes those with the largest mean loss. `classes` has one entry a loss, and may be empty: then there are none.
std::vector<DistributionChart> class_distributions(std::span<const float> losses, std::span<const std::int64_t> classes,
                                                   const std::vector<std::string>& names,
                                                   const evaluate::Summary& range);

}  // namespace perdita::report
