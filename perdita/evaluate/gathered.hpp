// Statistics accumulated over the blocks of a stream, which can be merged.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/class_counts.hpp"
#include "perdita/evaluate/evaluated_block.hpp"
#include "perdita/evaluate/hardest.hpp"
#include "perdita/evaluate/moments.hpp"
#include "perdita/evaluate/quantile_sketch.hpp"
#include "perdita/evaluate/roc.hpp"
#include "perdita/evaluate/temperature.hpp"

namespace perdita::evaluate {

/// Numbers of excluded units by statistic and reason.
struct LeftOut {
  std::int64_t ignored = 0;      ///< excluded from everything: label ignore_index
  std::int64_t nan = 0;          ///< excluded from mean and quantiles of losses: the loss is NaN
  std::int64_t infinite = 0;     ///< excluded from mean and quantiles of losses: the loss is infinite
  std::int64_t first = -1;       ///< the first unit whose loss is not finite; -1: none
  std::int64_t unpredicted = 0;  ///< excluded from calibration and Brier score: the prediction is NaN (counts as wrong)
  std::int64_t residuals = 0;    ///< excluded from regression errors: prediction - target is not finite
  void merge(const LeftOut& other);
};

/// Statistics of one partition. Members that do not apply to the kind are unused.
class Gathered {
 public:
  Gathered(Kind kind, std::int64_t classes, int bins, std::int64_t hardest,
           std::shared_ptr<std::atomic<std::int64_t>> kept_scores);

  /// `weights` has one entry per unit, or none.
  template <class T>
  void add(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& evaluated,
           std::span<const double> weights);
  void merge(Gathered&& other);

  std::int64_t counted = 0;  ///< units that are not ignored
  LeftOut left_out;
  // Of finite losses.
  MeanLoss loss;
  std::vector<MeanLoss> parts;  ///< of a sum of losses
  QuantileSketch losses;
  Hardest hardest;
  // Classes and binary.
  std::optional<ClassCounts> classes;
  std::optional<CalibrationCounts> calibration;
  std::optional<RowSample> sample;
  // Binary: scores by truth, and squared errors of probabilities.
  std::optional<RocScores> roc;
  Moments brier;
  // Regression: prediction - target, its size, and the targets.
  std::optional<QuantileSketch> residuals;
  Moments residual, residual_size, target;
  double least_target = std::numeric_limits<double>::infinity(), largest_target = -least_target;

 private:
  /// Drops ignored units from all columns but inputs, targets, logits and scores; returns the places of the others, or
  /// nothing if none was dropped.
  template <class T>
  std::span<const std::int64_t> drop_ignored(std::int64_t first, EvaluatedBlock<T>& evaluated);
  template <class T>
  void add_losses(const EvaluatedRows<T>& rows);
  template <class T>
  void add_parts(const EvaluatedBlock<T>& evaluated);
  template <class T>
  void draw(Kind kind, std::int64_t first, const EvaluatedBlock<T>& evaluated);
  template <class T>
  void add_classes(const EvaluatedRows<T>& rows);
  /// Turns the confidences of a 1 into those of the predicted class.
  template <class T>
  void add_binary(const EvaluatedRows<T>& rows, EvaluatedBlock<T>& evaluated);
  template <class T>
  void add_residuals(const EvaluatedRows<T>& rows, const EvaluatedBlock<T>& evaluated);

  std::vector<std::int64_t> places_;
  std::vector<double> weights_;
};

}  // namespace perdita::evaluate
