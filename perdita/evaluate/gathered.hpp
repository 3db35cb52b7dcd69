// What is gathered from the blocks of a stream, and merged.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/class_counts.hpp"
#include "perdita/evaluate/hardest.hpp"
#include "perdita/evaluate/judge.hpp"
#include "perdita/evaluate/moments.hpp"
#include "perdita/evaluate/quantile_sketch.hpp"
#include "perdita/evaluate/temperature.hpp"

namespace perdita::evaluate {

/// Units that are left out, and why.
struct LeftOut {
  std::int64_t ignored = 0;   ///< by ignore_index
  std::int64_t nan = 0;       ///< the loss is NaN: a prediction is, or infinities meet
  std::int64_t infinite = 0;  ///< the true class has probability 0
  std::int64_t first = -1;    ///< the first unit whose loss is not finite; -1: none
  void merge(const LeftOut& other);
};

/// What a strand gathers. Only what the kind has is used.
class Gathered {
 public:
  Gathered(Kind kind, std::int64_t classes, int bins, std::int64_t hardest);

  /// `weights` has an entry for each unit, or none.
  template <class T>
  void add(const Judgement& how, const RawBlock& block, Judged<T>& judged, std::span<const double> weights);
  void merge(const Gathered& other);

  LeftOut left_out;
  MeanLoss loss;
  QuantileSketch losses;
  Hardest hardest;
  // Classes and binary.
  std::optional<ClassCounts> classes;
  std::optional<CalibrationCounts> calibration;
  std::optional<RowSample> sample;
  // Binary: logits by truth, and squared errors of probabilities.
  std::optional<QuantileSketch> negative, positive;
  Moments brier;
  // Regression: prediction - target, its size, and the targets.
  std::optional<QuantileSketch> residuals;
  Moments residual, residual_size, target;

 private:
  /// Drops units that do not count, from all columns but inputs, targets and logits; returns the places of the others,
  /// or nothing if none was dropped.
  template <class T>
  std::span<const std::int64_t> keep_finite(std::int64_t first, Judged<T>& judged);
  template <class T>
  void draw(Kind kind, std::int64_t first, const Judged<T>& judged);
  template <class T>
  void add_classes(const JudgedRows<T>& rows);
  /// Turns the confidences of a 1 into those of the predicted class.
  template <class T>
  void add_binary(const JudgedRows<T>& rows, Judged<T>& judged);
  template <class T>
  void add_residuals(const JudgedRows<T>& rows, const Judged<T>& judged);

  std::vector<std::int64_t> places_;
  std::vector<double> weights_;
};

}  // namespace perdita::evaluate
