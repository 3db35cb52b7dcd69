// The confident joint: how many rows with each given label appear to belong to each class.
//
// Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels, JAIR 70 (2021), 1373-1411.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/evaluate/labeled_probabilities.hpp"
#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

/// A row-major matrix of counts [given label][likely class].
class JointCounts {
 public:
  JointCounts() = default;
  explicit JointCounts(std::int64_t classes)
      : classes_(classes), counts_(static_cast<std::size_t>(classes * classes)) {}

  /// The number of rows, and of columns, of the matrix.
  std::int64_t classes() const { return classes_; }
  /// The count of a given label and a likely class.
  std::int64_t& at(std::int64_t given, std::int64_t likely) {
    return counts_[static_cast<std::size_t>(given * classes_ + likely)];
  }
  /// The count of a given label and a likely class.
  std::int64_t at(std::int64_t given, std::int64_t likely) const {
    return counts_[static_cast<std::size_t>(given * classes_ + likely)];
  }
  /// Number of rows with a given label.
  std::int64_t of_label(std::int64_t given) const;
  /// Number of rows of a likely class.
  std::int64_t of_class(std::int64_t likely) const;
  /// The sum of all counts.
  std::int64_t total() const;

 private:
  std::int64_t classes_ = 0;
  std::vector<std::int64_t> counts_;
};

/// Rounds the numbers to integers with the same sum, which must be near an integer. If the sum of the rounded numbers
/// is too small, those that were rounded down by most are increased, the last among equals; if it is too large, those
/// that were rounded up by most are decreased, the first among equals. cleanlab does the same, except that its choice
/// among equals depends on the processor.
void round_with_sum(std::vector<double>& numbers);

/// Rows by label and confident class (Northcutt, Jiang and Chuang, Confident learning, JAIR 70, 2021).
struct ConfidentJoint {
  /// Of each class the mean probability of it over the rows with this label (equation 2 of the paper); infinity without
  /// rows.
  std::vector<double> thresholds;
  /// Of each row the confident class (equation 1), or -1: a class whose probability reaches its threshold; among
  /// several the class of the largest probability of the row.
  std::vector<std::int32_t> confident;
  /// Rows by label and confident class. The diagonal is at least 1.
  JointCounts counts;
  /// The same, scaled such that the rows of each label have the number of rows with this label (equation 3), and
  /// rounded such that these sums stay.
  JointCounts calibrated;
};

/// Deterministic for any number of threads.
template <class T>
ConfidentJoint confident_joint(const LabeledProbabilities<T>& data);

/// An estimate with its 95 % confidence interval.
struct NoiseRate {
  double value = 0;
  Interval interval = {};
};

/// The share of wrong labels: the sum over labels of the share of the label times the share of its confident rows that
/// are off the diagonal, which is 1 - the trace of the estimated joint distribution.
///
/// The interval is Wilson's with an effective sample size: the size of a simple random sample in which a proportion has
/// the same variance, p (1 - p) / V, where V is the variance of a stratified proportion plus that of the sizes of the
/// strata. It covers the choice of rows, but not errors of the model: a class that it does not recognize is not found.
NoiseRate noise_rate(const JointCounts& counts, const std::vector<std::int64_t>& class_counts);

}  // namespace perdita::evaluate
