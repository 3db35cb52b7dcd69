// Mean and variance of a stream, with or without weights.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

/// Weight, mean and the weighted sum of squared deviations from it. Blocks are summed in two passes and merged by the
/// update of Chan, Golub and LeVeque (1983, eq. 2.1), which avoids cancellation. The result depends only on the
/// division of the stream into blocks and on their order.
class Moments {
 public:
  template <class T>
  void add(std::span<const T> values);
  template <class T>
  void add(std::span<const T> values, std::span<const double> weights);
  void merge(const Moments& other);

  double weight() const { return weight_; }
  double mean() const { return weight_ > 0 ? mean_ : std::numeric_limits<double>::quiet_NaN(); }
  double squared_deviations() const { return squares_; }

 private:
  double weight_ = 0, mean_ = 0, squares_ = 0;
};

/// The mean loss and its standard error.
class MeanLoss {
 public:
  /// `weights` are empty for ones.
  template <class T>
  void add(std::span<const T> losses, std::span<const double> weights);
  void merge(const MeanLoss& other);

  double mean() const { return losses_.mean(); }
  /// Without weights sqrt(s^2 / n). With weights that of a ratio of sums, to first order:
  /// sqrt(sum w^2 (l - mean)^2 n / (n - 1)) / sum w (Cochran, Sampling techniques, 3rd ed. 1977, section 6.4).
  /// NaN for fewer than two values.
  double standard_error() const;
  double standard_deviation() const;
  /// 95 %, by Student's t.
  Interval interval() const;
  std::int64_t count() const { return count_; }

 private:
  Moments losses_, by_squared_weight_;
  std::int64_t count_ = 0;
  bool weighted_ = false;
};

}  // namespace perdita::evaluate
