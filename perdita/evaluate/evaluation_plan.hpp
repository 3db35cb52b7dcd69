// What an evaluation computes, decided from the loss and the files before any row is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/data/rows.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace perdita::evaluate {

/// What the predictions are.
enum class Scale { logits, probabilities, log_probabilities };
std::string_view name_of(Scale scale);
/// Throws ValueError, with the names there are.
Scale parse_scale(std::string_view name);

/// What can be told beside the losses.
enum class Kind {
  classes,     ///< one of several classes: confusion, calibration
  binary,      ///< yes or no: the same, and the area under the ROC curve
  regression,  ///< residuals
  losses_only,
};

/// Throws ValueError for a loss that needs more than predictions and targets, or compares several inputs.
Kind kind_of(const AnyLoss& loss);
/// Of a sum that of the part that decides what a prediction is. Throws ValueError also for learned weights, which are
/// not known, and for parts that differ in what a prediction or an ignored label is, or in the unit of their losses.
Kind kind_of(const LossSum& loss);
/// What the loss takes, where nothing else is said.
Scale default_scale(const AnyLoss& loss);

/// What targets from files may be, given the loss's parameters. Logarithms of probabilities may be any number, because
/// rounding leaves some above 0.
perdita::Interval valid_targets(const AnyLoss& loss);

/// Whether a row is a mask and has one loss.
bool is_of_masks(const AnyLoss& loss);

/// A part of a sum of losses, whose weight is that at the end of its schedule.
struct EvaluatedPart {
  std::string name;
  double weight = 1;
  AnyLoss loss;
  bool is_leading = false;  ///< whether it decides what a prediction is
};

/// How blocks are evaluated; the same for all of a stream.
struct EvaluationPlan {
  AnyLoss loss;  ///< of a sum, the part that decides what a prediction is
  Kind kind = Kind::classes;
  Scale scale = Scale::logits;
  DType predictions = DType::float32, targets = DType::int64;
  std::string predictions_name, targets_name;  ///< for messages
  std::int64_t columns = 1;                    ///< of predictions: classes, or elements of a row
  std::int64_t units_per_row = 1;              ///< what has a loss of its own: a row of classes, else an element
  std::vector<EvaluatedPart> parts = {};       ///< of a sum; none for a single loss
};

/// Throws ShapeError or ValueError where predictions, targets and loss do not fit together.
EvaluationPlan plan_evaluation(const LossSum& loss, Scale scale, const data::RowReader& predictions,
                               const data::RowReader& targets);

/// Whether a block is computed in float: predictions are float32, and targets lose nothing as floats.
bool is_computed_in_float(const EvaluationPlan& how);

}  // namespace perdita::evaluate
