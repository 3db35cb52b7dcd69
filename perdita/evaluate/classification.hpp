// How good predictions are: confusion counts and what follows from them; errors of a regression.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace perdita::evaluate {

/// One class against the rest. A ratio whose denominator is zero is NaN: the precision of a class that was never
/// predicted is not known, and not zero.
struct ClassScore {
  std::int64_t support = 0;    ///< samples of this class
  std::int64_t predicted = 0;  ///< samples given to this class
  std::int64_t correct = 0;    ///< samples of this class that were given to it
  double mean_loss = 0;        ///< over the samples of this class with a finite loss; NaN for none
  double precision = 0;        ///< of those given to this class, the share that belongs to it
  double recall = 0;           ///< of those that belong to it, the share that was given to it
  double f1 = 0;               ///< harmonic mean of the two
};

/// Scores of predicted classes.
struct ClassificationScore {
  std::int64_t samples = 0, correct = 0;
  double accuracy = 0;
  double balanced_accuracy = 0;  ///< mean recall over the classes that have samples
  double macro_f1 = 0;           ///< mean f1 over the classes that have samples or predictions
  std::vector<ClassScore> classes;
  /// Row-major [class][predicted class]; empty where it was not counted. A row adds up to less than the class's support
  /// where samples got no class, because NaN was predicted.
  std::vector<std::int64_t> confusion;

  /// Number of samples of class `truth` that were predicted as class `predicted`.
  std::int64_t confused(std::size_t truth, std::size_t predicted) const {
    return confusion[truth * classes.size() + predicted];
  }
};

/// targets[N] and predicted[N] are in 0..classes-1; losses is [N] or empty. Throws ShapeError for different lengths,
/// IndexError for a class out of range (both name the place), ValueError for no samples or no classes.
ClassificationScore score_classes(std::span<const std::int64_t> targets, std::span<const std::int64_t> predicted,
                                  std::span<const float> losses, std::int64_t classes);

/// The score of counts that are known: of each class support, predicted, correct and mean loss.
ClassificationScore score_counts(std::vector<ClassScore> classes, std::vector<std::int64_t> confusion);

/// Mean over the classes that have one of their mean losses; NaN if none has.
double mean_class_loss(const ClassificationScore& score);

/// The table for a terminal: a line for each class (support, mean loss, precision, recall, f1) and one for their means.
/// `names` may be empty (then classes are numbered) or must hold one name for each class (ShapeError).
std::string class_table(const ClassificationScore& score, const std::vector<std::string>& names);

/// Scores of predicted numbers.
struct RegressionScore {
  std::int64_t samples = 0;
  double mse = 0, rmse = 0, mae = 0;
  double bias = 0;  ///< mean of prediction - target
  double r2 = 0;  ///< 1 - squared error / squared deviation from the targets' mean; NaN if targets are all equal or too
                  ///< close to tell
};

/// Throws ShapeError for different lengths, ValueError for no samples.
RegressionScore score_regression(std::span<const double> targets, std::span<const double> predictions);

}  // namespace perdita::evaluate
