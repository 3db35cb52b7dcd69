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
  std::vector<double> part_means;  ///< of each part of a sum of losses, without its weight; one of a single loss
  std::int64_t correct = 0;        ///< classes
};

/// `weighted`: with class weights, as in training. state: on which the weights of a sum of losses depend. An empty
/// ModelEvaluation when `stop` says so between two batches.
ModelEvaluation evaluate_model(const Model& model, const Objective& objective, const data::Dataset& dataset,
                               bool weighted, const SumState& state = {}, const std::function<bool()>& stop = {});

}  // namespace perdita::train
