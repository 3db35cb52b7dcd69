// Evaluation of outputs that are in memory, with the loss and the prediction of every sample.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/evaluation_plan.hpp"

namespace perdita::evaluate {

/// One entry per sample in every vector, without those that the loss ignores.
struct SampleEvaluation {
  std::vector<float> losses;                                    ///< of a sample with several elements, their mean
  std::vector<std::int64_t> rows;                               ///< index of each sample; empty: none was ignored
  std::vector<std::int64_t> targets, predictions;               ///< classes; a prediction is -1 if the output is NaN
  std::vector<double> target_values, predicted_values;          ///< numbers, if a sample has one
  std::int64_t classes = 0;                                     ///< number of classes; 0 for numbers
  double mean_loss = std::numeric_limits<double>::quiet_NaN();  ///< of all; not finite if a loss is not
  double accuracy = std::numeric_limits<double>::quiet_NaN();   ///< of classes
  std::optional<Calibration> calibration = {};                  ///< of classes
};

/// `outputs` [N, ...] and `targets` [N, ...] as for evaluate(); `scale` is that of the outputs. `what` names both in
/// messages: "validation". Throws like evaluate(), and DataError if all samples are ignored.
SampleEvaluation evaluate_samples(const AnyLoss& loss, Scale scale, const Array& outputs, const Array& targets,
                                  std::string_view what);

}  // namespace perdita::evaluate
