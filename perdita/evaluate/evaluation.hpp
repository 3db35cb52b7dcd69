// What predictions are worth: one pass over files of any size.
//
//   auto predictions = data::open_rows("p.npy"), targets = data::open_rows("y.npy");
//   const Evaluation e = evaluate(*predictions, *targets, nullptr, {.loss = parse_loss("cross_entropy")});
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "perdita/data/rows.hpp"
#include "perdita/evaluate/gathered.hpp"
#include "perdita/evaluate/judge.hpp"

namespace perdita::evaluate {

/// Options of an evaluation.
struct EvaluationOptions {
  AnyLoss loss = {.loss = CrossEntropy{}};
  std::optional<Scale> scale = {};            ///< what the predictions are; none: what the loss takes
  int bins = 15;                              ///< of the reliability diagram
  std::int64_t hardest = 20;                  ///< how many of the hardest samples are kept
  std::vector<std::string> class_names = {};  ///< one a class, or none: then classes are numbered
  /// How the caller's interface says that predictions are probabilities, for a warning.
  std::string probabilities_option = ".scale = Scale::probabilities";
};

struct Evaluation {
  std::string loss;  ///< as parse_loss() reads it
  Kind kind = Kind::classes;
  Scale scale = Scale::logits;
  std::int64_t rows = 0, columns = 1;  ///< of the predictions
  std::int64_t units_per_row = 1;      ///< what has a loss of its own; a sample's index is row * units_per_row + unit
  std::int64_t counted = 0;            ///< units that are not ignored: those of every statistic but what left_out says
  LeftOut left_out = {};
  bool weighted = false;  ///< weights count in the mean loss and its interval, and in nothing else

  Summary losses = {};          ///< of finite losses; mean and deviation weighted; NaN for none
  Interval interval = {};       ///< of the mean, 95 %
  bool exact_quantiles = true;  ///< else within QuantileSketch::relative_error of their size
  Histogram histogram = {},
            log_histogram = {};  ///< of losses: linear up to the 99th percentile, logarithmic over all positive
  std::vector<HardSample> hardest = {};

  /// Of classes and binary: finite losses and classes of the rows, or of a fair sample of at most 16,384 of them.
  std::vector<float> sampled_losses = {};
  std::vector<std::int64_t> sampled_classes = {};

  std::optional<ClassificationScore> classes = {};  ///< of binary: 0 and 1
  std::vector<std::string> class_names = {};        ///< as given; of binary else "negative" and "positive"
  std::optional<Calibration> calibration = {};
  std::optional<TemperatureFit> temperature = {};
  std::optional<RocArea> roc = {};
  double brier = 0;  ///< binary: mean squared error of the probability of a 1, where it is not NaN
  std::optional<RegressionScore> regression = {};  ///< of finite residuals; none if there are none
  Summary residuals = {};                          ///< prediction - target

  std::vector<std::string> warnings = {};
};

/// Reads all rows once. `weights` (null for ones) has one number >= 0 a row. `progress` is called with the rows so far,
/// on the calling thread. The result is the same, bit for bit, for any number of threads, and for files of any format
/// that hold the same numbers. Predictions of float32 are computed with in float if the targets are
/// exact in it, others in double; sums are double.
///
/// Labels that the loss ignores are left out. Losses that are infinite or NaN are left out of the means and quantiles
/// of losses and counted in `left_out` and a warning; every other statistic has all rows. A prediction that is NaN
/// counts as wrong: it is no class, loses in the ROC curve, and is the hardest of all; calibration and Brier score
/// leave it out. Throws ShapeError, ValueError, IndexError and DataError that name the file and the first row,
/// FileError, DataError if all rows are ignored, and ValueError unless there are as many names as classes.
Evaluation evaluate(data::RowReader& predictions, data::RowReader& targets, data::RowReader* weights,
                    const EvaluationOptions& options, const std::function<void(std::int64_t)>& progress = {});

}  // namespace perdita::evaluate
