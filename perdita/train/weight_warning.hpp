// Class weights that are likely to wreck training.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "perdita/data/class_weights.hpp"
#include "perdita/train/optimizer.hpp"

namespace perdita::train {

/// What a step of training is.
struct StepSize {
  OptimizerSpec optimizer = {};
  double lr = 1e-3;
  std::int64_t batch_size = 128;
  bool divides_by_weights = true;  ///< the loss of a batch, as cross_entropy does; else by its samples
};

struct WeightsInForce {
  bool is_pos_weight = false;                ///< of the option --pos-weight, otherwise of --class-weights
  std::string text;                          ///< "balanced": the value of the option
  std::optional<data::WeightScheme> scheme;  ///< nothing for weights from a file, or a number
  std::span<const double> weights;
  std::span<const std::int64_t> counts;
};

/// How noisy steps of sgd are: lr / (1 - momentum) over the batch size (Smith, Kindermans, Ying, Le: Don't decay the
/// learning rate, increase the batch size, ICLR 2018, section 2), where a batch of weighted samples is worth fewer
/// equal ones: n (E w)^2 / E w^2 of n. 0 for optimizers that divide a step by the gradient's size: weights did no harm
/// there.
double step_noise(std::span<const double> weights, std::span<const std::int64_t> counts, const StepSize& step);

/// Above this noise weighted training is likely to fail; docs/choosing-a-loss.md has the runs that it was chosen by.
inline constexpr double most_step_noise = 0.02;

/// A sentence that names the capped alternative, where the weights make steps noisier than that and equal weights would
/// not.
std::optional<std::string> warn_of_weights(const WeightsInForce& in_force, const StepSize& step);

}  // namespace perdita::train
