// The sections of classes: how good each is, what is taken for what, how much each counted in training.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/temperature.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::report {

/// The distributions of the classes' losses side by side; `note` is a further sentence. `classes` is the number of all.
std::string class_multiples(const std::vector<DistributionChart>& charts, std::size_t classes, std::string_view note);

/// Loss, precision, recall and F1 of each class, and their means over the classes. One name a class.
std::string class_table(const evaluate::ClassificationScore& score, const std::vector<std::string>& names);

/// The confusion matrix, or of many classes the mistakes made most often; empty where they were not counted.
std::string confusion_section(const evaluate::ClassificationScore& score, const std::vector<std::string>& names);

/// How much each class counted in training.
struct ClassWeights {
  std::string how;                    ///< "balanced": as the option says, which is "none" without weights
  std::vector<std::int64_t> samples;  ///< of training, one entry a class
  std::vector<double> weights;        ///< in the loss; empty: all 1
  std::string note;                   ///< what else changes how much a class counts: a sentence, or empty
};
std::string weights_section(const ClassWeights& weights, const std::vector<std::string>& names);

/// The reliability diagram with its bins and the error; `fit` says what temperature would mend it, or is null.
std::string calibration_section(const evaluate::Calibration& calibration, const evaluate::TemperatureFit* fit);

/// Accuracy over confidence, a point for each bin with samples, beside the diagonal of perfect calibration.
LineChart reliability_chart(const evaluate::Calibration& calibration);

}  // namespace perdita::report
