// What an evaluation computes, decided from the loss and the files before any row is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "perdita/data/rows.hpp"
#include "perdita/losses/any.hpp"

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
/// What the loss takes, where nothing else is said.
Scale default_scale(const AnyLoss& loss);

/// What targets from files may be, given the loss's parameters. Logarithms of probabilities may be any number, because
/// rounding leaves some above 0.
perdita::Interval valid_targets(const AnyLoss& loss);

/// Whether a row is a mask and has one loss.
bool is_of_masks(const AnyLoss& loss);

/// How blocks are evaluated; the same for all of a stream.
struct EvaluationPlan {
  AnyLoss loss;
  Kind kind = Kind::classes;
  Scale scale = Scale::logits;
  DType predictions = DType::float32, targets = DType::int64;
  std::string predictions_name, targets_name;  ///< for messages
  std::int64_t columns = 1;                    ///< of predictions: classes, or elements of a row
  std::int64_t units_per_row = 1;              ///< what has a loss of its own: a row of classes, else an element
};

/// Throws ShapeError or ValueError where predictions, targets and loss do not fit together.
EvaluationPlan plan_evaluation(const AnyLoss& loss, Scale scale, const data::RowReader& predictions,
                               const data::RowReader& targets);

/// Whether a block is computed in float: predictions are float32, and targets lose nothing as floats.
bool is_computed_in_float(const EvaluationPlan& how);

}  // namespace perdita::evaluate
