// The metrics that models trained with different losses are compared by.
#pragma once

#include <optional>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/comparison.hpp"
#include "perdita/train/model.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {

/// Classes: accuracy, balanced accuracy, cross-entropy and expected calibration error (15 bins) of the test samples,
/// and where the classes differ in size in training, the mean recall of the largest third of the classes (rounded
/// down), the smallest third, and those between. Numbers: root mean square and mean absolute error, R^2. Last the
/// seconds of training.
std::vector<evaluate::Metric> comparison_metrics(const Problem& problem);

/// The class with most training samples first; empty for numbers.
std::vector<std::string> classes_by_size(const Problem& problem);

/// The test samples' classes as places in classes_by_size(); empty for numbers.
std::vector<std::int64_t> test_labels_by_size(const Problem& problem);

/// A model under these metrics.
struct Measurement {
  std::vector<double> values;   ///< but for the seconds; NaN where the loss's outputs give no probabilities
  std::vector<double> recalls;  ///< of the classes in the order of classes_by_size()
  /// Of each test sample: whether it was hit, and its cross-entropy; of numbers its square and its absolute error. The
  /// columns that the metrics speak of.
  std::vector<std::vector<float>> samples;
};
Measurement measure(const Model& model, const Problem& problem);

/// Of the test samples; nothing without them, for numbers, and where the loss's outputs give no probabilities.
std::optional<evaluate::Calibration> calibration_of(const Model& model, const Problem& problem);

}  // namespace perdita::train
