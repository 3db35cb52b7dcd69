// The area under the ROC curve of a stream of scores.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "perdita/evaluate/quantile_sketch.hpp"

namespace perdita::evaluate {

/// The probability that a positive sample gets a larger score than a negative one, ties counting half (Mann and
/// Whitney, Ann. Math. Statist. 18, 1947). A NaN score is misordered in every pair. NaN if one class is missing.
struct RocArea {
  double area = 0;
  double error = 0;  ///< bound of the error; 0 if exact
  bool is_exact = true;
};

/// Keeps the scores of a part of a stream; parts are merged. While all parts together have at most `most_exact` scores,
/// the area is exact. Beyond, scores are dropped and logits are compared by the buckets of a QuantileSketch.
class RocScores {
 public:
  static constexpr std::int64_t most_exact = std::int64_t{1} << 23;

  /// `kept` counts the scores of all parts that share it.
  explicit RocScores(std::shared_ptr<std::atomic<std::int64_t>> kept) : kept_(std::move(kept)) {}
  /// `scores` rank the samples, as `logits` do, but may tell apart what rounding made one logit. labels are 0 or 1.
  template <class T>
  void add(std::span<const T> scores, std::span<const T> logits, std::span<const std::int32_t> labels);
  void merge(RocScores&& other);
  /// Sorts what is kept.
  RocArea area();

 private:
  struct Side {  // the negatives, or the positives
    std::vector<std::vector<double>> runs = std::vector<std::vector<double>>(1);
    QuantileSketch logits;
    std::int64_t undefined = 0;  // NaN
    std::int64_t count() const { return logits.count() + undefined; }
  };
  template <class T>
  void keep(Side& side, std::span<const T> scores);
  void drop();
  std::int64_t count() const { return sides_[0].count() + sides_[1].count(); }

  std::shared_ptr<std::atomic<std::int64_t>> kept_;
  bool is_exact_ = true;
  Side sides_[2];
};

}  // namespace perdita::evaluate
