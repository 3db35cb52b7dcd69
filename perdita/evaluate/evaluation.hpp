// Evaluation of predictions in one pass over files of any size.
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
#include "perdita/evaluate/evaluated_block.hpp"
#include "perdita/evaluate/gathered.hpp"

namespace perdita::evaluate {

/// Options of an evaluation.
struct EvaluationOptions {
  LossSum loss = CrossEntropy{};
  std::optional<Scale> scale = {};            ///< scale of the predictions; none: the input of the loss
  int bins = 15;                              ///< of the reliability diagram
  std::int64_t hardest = 20;                  ///< number of hardest samples to report
  std::vector<std::string> class_names = {};  ///< one per class, or none: classes are then numbered
  /// The option of the caller's interface for predictions that are probabilities, used in a warning.
  std::string probabilities_option = ".scale = Scale::probabilities";
};

/// The mean of the losses of a part of a sum, over the samples whose sum is finite.
struct PartMean {
  std::string name;
  double weight = 1, mean = 0;
};

struct Evaluation {
  std::string loss;  ///< as parse_loss_sum() reads it
  Kind kind = Kind::classes;
  Scale scale = Scale::logits;
  std::int64_t rows = 0, columns = 1;  ///< of the predictions
  std::int64_t units_per_row = 1;      ///< losses per row; the index of a sample is row * units_per_row + unit
  std::int64_t counted = 0;            ///< units that are not ignored; left_out lists exclusions from some statistics
  LeftOut left_out = {};
  bool weighted = false;  ///< weights are used only in the mean loss and its interval

  Summary losses = {};               ///< of finite losses; mean and deviation are weighted; NaN for none
  Interval interval = {};            ///< of the mean, 95 %
  std::vector<PartMean> parts = {};  ///< of a sum of losses
  bool exact_quantiles = true;       ///< otherwise the relative error is QuantileSketch::relative_error
  Histogram histogram = {},
            log_histogram = {};  ///< of losses: linear up to the 99th percentile, logarithmic over all positive
  std::vector<HardSample> hardest = {};

  /// Classes and binary: finite losses and classes of the rows, or of a random sample of at most 16,384 rows.
  std::vector<float> sampled_losses = {};
  std::vector<std::int64_t> sampled_classes = {};

  std::optional<ClassificationScore> classes = {};  ///< for binary: classes 0 and 1
  std::vector<std::string> class_names = {};        ///< as given; binary default: "negative" and "positive"
  std::optional<Calibration> calibration = {};
  std::optional<TemperatureFit> temperature = {};
  std::optional<RocArea> roc = {};
  double brier = 0;  ///< binary: mean squared error of the probability of a 1, without NaN
  std::optional<RegressionScore> regression = {};  ///< of finite residuals; none if there are none
  Summary residuals = {};                          ///< prediction - target

  std::vector<std::string> warnings = {};
};

/// Reads all rows once. `weights` (null for ones) has one number >= 0 per row. `progress` is called with the number of
/// rows so far, on the calling thread. The result is bit-identical for any number of threads, and for files of any
/// format that contain the same numbers. float32 predictions are evaluated in float if the targets are exact in it,
/// others in double; sums are double.
///
/// Labels that the loss ignores are excluded. Losses that are infinite or NaN are excluded from the mean and quantiles
/// of the losses and counted in `left_out` and a warning; all other statistics include all rows. A NaN prediction
/// counts as wrong: it has no class, is misordered in the ROC curve, and is the hardest sample. Calibration and Brier
/// score exclude it. Throws ShapeError, ValueError, IndexError and DataError that name the file and the first row,
/// FileError, DataError if all rows are ignored, and ValueError if the number of names is not the number of classes.
Evaluation evaluate(data::RowReader& predictions, data::RowReader& targets, data::RowReader* weights,
                    const EvaluationOptions& options, const std::function<void(std::int64_t)>& progress = {});

}  // namespace perdita::evaluate
