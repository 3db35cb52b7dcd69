// The sections about classes: metrics of each class, confusion matrix, calibration, class weights.
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

/// The distribution of the loss of each class; `note` is an additional sentence, `classes` the number of all classes.
std::string class_multiples(const std::vector<DistributionChart>& charts, std::size_t classes, std::string_view note);

/// Loss, precision, recall and F1 of each class, and their means over the classes. `names` has one name per class.
std::string class_table(const evaluate::ClassificationScore& score, const std::vector<std::string>& names);

/// The confusion matrix, or the most frequent confusions if there are many classes; empty if they were not counted.
std::string confusion_section(const evaluate::ClassificationScore& score, const std::vector<std::string>& names);

/// Weights of the classes in training.
struct ClassWeights {
  std::string how;                    ///< value of the option, such as "balanced"; "none" without weights
  std::vector<std::int64_t> samples;  ///< number of training samples, one entry per class
  std::vector<double> weights;        ///< weights in the loss; empty: all 1
  std::string note;                   ///< a sentence on other effects on the weights, or empty
};
std::string weights_section(const ClassWeights& weights, const std::vector<std::string>& names);

/// The reliability diagram with its bins and the calibration error; `fit` is the fitted temperature, or null.
std::string calibration_section(const evaluate::Calibration& calibration, const evaluate::TemperatureFit* fit);

/// Accuracy as a function of the confidence, one point per bin with samples, and the diagonal of perfect calibration.
LineChart reliability_chart(const evaluate::Calibration& calibration);

}  // namespace perdita::report
