// Judging a model by samples it was not trained on.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "perdita/train/model.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {

/// What a model makes of the samples of a dataset, one entry a sample.
struct ModelEvaluation {
  std::vector<float> losses;
  std::vector<std::int64_t> targets, predictions;       ///< classes
  std::vector<double> target_values, predicted_values;  ///< numbers; K in a row where a sample has K
  double mean_loss = std::numeric_limits<double>::quiet_NaN();
  std::int64_t correct = 0;  ///< classes
};

/// `weighted`: with class weights, as in training. An empty ModelEvaluation when `stop` says so between two batches.
ModelEvaluation evaluate_model(const Model& model, const Objective& objective, const data::Dataset& dataset,
                               bool weighted, const std::function<bool()>& stop = {});

}  // namespace perdita::train
