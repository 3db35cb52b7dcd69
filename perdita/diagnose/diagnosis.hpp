// Detects common issues of a training run and describes them with the numbers behind them. bench/diagnosis.py measures
// precision and recall.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/history.hpp"

namespace perdita::diagnose {

/// In order of severity: an issue that makes the others meaningless comes first.
enum class Issue {
  divergence,           ///< the loss became infinite or NaN, or grew well beyond its initial value
  not_training,         ///< the model does not change: its validation loss is the same after each epoch
  lr_too_large,         ///< the loss oscillates, or never recovers from the first steps
  overfitting,          ///< the validation loss rises while the training loss falls
  wrong_labels,         ///< the labels of many training samples contradict the rest of the data
  underfitting,         ///< the loss stagnates near its initial value
  lr_too_small,         ///< the loss was still decreasing steadily at the end
  plateau,              ///< the loss has stagnated for most of the run
  class_not_learned,    ///< a class with a very low recall
  miscalibration,       ///< confidences that differ from the accuracy
  nothing_to_learn,     ///< the targets are all equal, or nearly
  worse_than_baseline,  ///< the best loss is worse than that of another run
};
/// Throws ValueError for a name that no issue has.
Issue parse_issue(std::string_view name);
/// "divergence", "lr_too_large", ...
std::string_view name_of(Issue issue);
/// The same in words: "learning rate too large".
std::string_view title_of(Issue issue);

enum class Severity {
  error,    ///< the results are useless
  warning,  ///< the results could be better, or should not be relied on
};
Severity severity_of(Issue issue);
/// "error", "warning".
std::string_view name_of(Severity severity);
/// Where the issue is documented: "docs/diagnosis.md#overfitting".
std::string link_of(Issue issue);

struct Finding {
  Issue issue;
  std::string text;                                           ///< observation, with numbers
  std::string advice;                                         ///< suggested remedies
  std::vector<std::pair<std::string, double>> evidence = {};  ///< the numbers, by name
};

/// A simple predictor compared with the model on held-out samples. If it is better, the remaining error of the model is
/// more than the noise of the data.
struct Reference {
  std::string name;                ///< "the vote of the 15 nearest other samples"
  bool is_share = false;           ///< error is an error rate if true, else a mean squared error
  double error = 0, of_model = 0;  ///< error of the reference and of the model
  double deviations = 0;           ///< paired difference in standard errors; positive if the model is worse
};

/// Input of diagnose(). All members except the history are optional.
struct Evidence {
  std::vector<evaluate::Record> history;  ///< keys: train_loss and lr of steps and epochs; val_loss of epochs
  std::vector<std::string> class_names = {};
  std::optional<evaluate::ClassificationScore> classes = {};  ///< on held-out samples
  std::optional<evaluate::Calibration> calibration = {};      ///< on the same samples
  /// Fraction of the training samples whose area under the margin is below minus the median.
  double doubtful = std::numeric_limits<double>::quiet_NaN();
  /// Fraction of training samples with a negative area under the margin, among the fifth with the most confident
  /// predictions and among the middle fifth. Noise of the data is rare where a good model is confident; wrong labels
  /// are equally frequent everywhere.
  double contradicted_surest = std::numeric_limits<double>::quiet_NaN();
  double contradicted_middle = std::numeric_limits<double>::quiet_NaN();
  /// Called only if the curves alone are not conclusive.
  std::function<std::optional<Reference>()> reference = {};
  /// Property shared by (nearly) all training targets, such as "every label is 0"; empty if they differ enough.
  std::string sameness = {};
};

/// Value of Evidence::sameness for classes with these numbers of training samples; empty if they differ enough.
std::string sameness_of(std::span<const std::int64_t> class_counts, const std::vector<std::string>& class_names);

/// Runs with fewer epochs are diagnosed without their loss curves.
inline constexpr std::int64_t least_epochs = 3;

/// Issues in order of severity; empty if there are none or the run is too short.
std::vector<Finding> diagnose(const Evidence& evidence);

/// Issues, and those that the evidence can neither show nor exclude: one sentence each, with the evidence that is
/// missing.
struct Diagnosis {
  std::vector<Finding> findings;
  std::vector<std::string> undecided;
};
Diagnosis diagnose_log(const Evidence& evidence);

}  // namespace perdita::diagnose
