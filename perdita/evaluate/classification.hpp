// Metrics of predictions: confusion counts and the scores computed from them; errors of a regression.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace perdita::evaluate {

/// One class against the rest. A ratio with denominator zero is NaN: the precision of a class that was never predicted
/// is undefined, not zero.
struct ClassScore {
  std::int64_t support = 0;    ///< samples of this class
  std::int64_t predicted = 0;  ///< samples predicted as this class
  std::int64_t correct = 0;    ///< samples of this class that were predicted as it
  double mean_loss = 0;        ///< over the samples of this class with a finite loss; NaN for none
  double precision = 0;        ///< correct / predicted
  double recall = 0;           ///< correct / support
  double f1 = 0;               ///< harmonic mean of precision and recall
};

/// Scores of predicted classes.
struct ClassificationScore {
  std::int64_t samples = 0, correct = 0;
  double accuracy = 0;
  double balanced_accuracy = 0;  ///< mean recall over the classes that have samples
  double macro_f1 = 0;           ///< mean f1 over the classes that have samples or predictions
  std::vector<ClassScore> classes;
  /// Row-major [class][predicted class]; empty if it was not counted. The sum of a row is less than the support of the
  /// class if the predictions of some samples are NaN, because these have no predicted class.
  std::vector<std::int64_t> confusion;

  /// Number of samples of class `truth` that were predicted as class `predicted`.
  std::int64_t confused(std::size_t truth, std::size_t predicted) const {
    return confusion[truth * classes.size() + predicted];
  }
};

/// targets[N] and predicted[N] are in 0..classes-1, or predicted is -1: no class, because the output is NaN, which
/// counts as wrong. losses is [N] or empty. Throws ShapeError for different lengths, IndexError for a class out of
/// range, ValueError for no samples or no classes.
ClassificationScore score_classes(std::span<const std::int64_t> targets, std::span<const std::int64_t> predicted,
                                  std::span<const float> losses, std::int64_t classes);

/// Completes scores for which support, predicted, correct and mean loss of each class are known.
ClassificationScore score_counts(std::vector<ClassScore> classes, std::vector<std::int64_t> confusion);

/// Mean of the mean losses of the classes, without classes that have none; NaN if no class has one.
double mean_class_loss(const ClassificationScore& score);

/// The table for a terminal: one line per class (support, mean loss, precision, recall, f1) and one for their means.
/// `names` is empty (classes are then numbered) or contains one name per class (otherwise ShapeError).
std::string class_table(const ClassificationScore& score, const std::vector<std::string>& names);

/// Scores of predicted numbers.
struct RegressionScore {
  std::int64_t samples = 0;
  double mse = 0, rmse = 0, mae = 0;
  double bias = 0;  ///< mean of prediction - target
  double r2 = 0;    ///< 1 - squared error / squared deviation of the targets from their mean; NaN if all targets are
                    ///< equal up to rounding
};

/// Throws ShapeError for different lengths, ValueError for no samples.
RegressionScore score_regression(std::span<const double> targets, std::span<const double> predictions);

}  // namespace perdita::evaluate
