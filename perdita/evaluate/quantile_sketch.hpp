// Quantiles of a stream in bounded memory.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

/// A histogram with buckets of nearly equal ratio, as in DDSketch (Masson, Rim and Lee, PVLDB 12, 2019). The bounds are
/// floats with 9 bits of fraction, so that the bucket of a value is determined by its bits. Counts are integers, so the
/// order of merging is irrelevant. Up to `most_exact` values are also stored.
class QuantileSketch {
 public:
  /// Maximum relative error of a quantile if there are more than most_exact values (near 0 the absolute error is at
  /// most 2.3e-41, a bucket of the smallest floats).
  static constexpr double relative_error = 0x1p-9;
  static constexpr std::size_t most_exact = std::size_t{1} << 16;

  QuantileSketch();
  /// Values must be finite; doubles out of the range of float count as the largest float.
  template <class T>
  void add(std::span<const T> values);
  /// Keeps the values if both have kept theirs.
  void merge(const QuantileSketch& other);

  std::int64_t count() const { return count_; }
  bool is_exact() const { return is_exact_; }
  /// With `is_exact` those of summarize(), else within relative_error; least and largest are exact in any case. Mean
  /// and deviation are NaN.
  Summary summary() const;
  /// For share in [0, 1]; NaN for no values.
  double quantile(double share) const;
  /// Of equal widths, or equal ratios, between low and high.
  Histogram histogram(double low, double high, int bins, bool logarithmic) const;

  /// Calls visitor(low, high, count) for each bucket with values, in ascending order.
  template <class Visitor>
  void visit(Visitor&& visitor) const {
    for (std::size_t i = 0; i < buckets; ++i) {
      if (counts_[i] > 0) visitor(bound(i), bound(i + 1), counts_[i]);
    }
  }
  std::int64_t count_of(std::size_t bucket) const { return counts_[bucket]; }
  static constexpr int dropped_bits = 14;
  static constexpr std::size_t buckets = std::size_t{1} << (32 - dropped_bits);

 private:
  struct Free {
    void operator()(std::int64_t* p) const { std::free(p); }
  };
  static double bound(std::size_t bucket);

  std::unique_ptr<std::int64_t[], Free> counts_;  // of the system's zero pages: those never counted take no memory
  std::vector<double> values_;
  bool is_exact_ = true;
  std::int64_t count_ = 0;
  double least_ = std::numeric_limits<double>::infinity(), largest_ = -least_;
};

}  // namespace perdita::evaluate
