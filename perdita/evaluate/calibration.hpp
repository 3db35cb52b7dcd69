// Calibration: the difference between confidence and accuracy.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "perdita/evaluate/evaluated_rows.hpp"

namespace perdita::evaluate {

struct CalibrationBin {
  double low = 0, high = 0;  ///< confidences in (low, high]; the first bin includes 0
  std::int64_t count = 0;
  double confidence = std::numeric_limits<double>::quiet_NaN();  ///< mean; NaN for an empty bin
  double accuracy = std::numeric_limits<double>::quiet_NaN();    ///< share of correct predictions
};

/// The reliability diagram and its calibration errors (Guo, Pleiss, Sun and Weinberger, On calibration of modern neural
/// networks, ICML 2017, eq. 2 to 5).
struct Calibration {
  std::vector<CalibrationBin> bins;
  double ece = 0;         ///< expected calibration error: sum over bins of count / n |accuracy - confidence|
  double mce = 0;         ///< the largest |accuracy - confidence|
  double confidence = 0;  ///< mean over all predictions
};

/// Counts a stream in bins of equal width over [0, 1]. Rows without a confidence (NaN) are ignored.
class CalibrationCounts {
 public:
  /// ValueError unless 1 <= bins <= 1000.
  explicit CalibrationCounts(int bins);
  template <class T>
  void add(const EvaluatedRows<T>& rows);
  /// Adds one prediction; its confidence must be in [0, 1].
  void add(double confidence, bool is_right);
  void merge(const CalibrationCounts& other);
  Calibration result() const;

 private:
  struct Tally {
    std::int64_t count = 0;
    double confidence = 0;  // summed
  };
  /// Consecutive predictions mostly fall into the same bin; several lanes avoid the latency of adding to one sum.
  static constexpr std::size_t lanes = 4;
  std::size_t places() const { return 2 * static_cast<std::size_t>(bins_); }
  Tally tally(std::size_t place) const;

  std::int32_t bins_;
  std::vector<double> edges_;   // bins_ + 1
  std::vector<Tally> tallies_;  // for each lane and bin: wrong predictions, then correct ones
};

}  // namespace perdita::evaluate
