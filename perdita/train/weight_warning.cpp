#include "perdita/train/weight_warning.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace perdita::train {

namespace {

/// The same scheme with the largest of some caps that leaves a margin; nothing where there is no scheme.
std::optional<std::string> capped_scheme(const WeightsInForce& in_force, const StepSize& step) {
  if (!in_force.scheme) return std::nullopt;
  data::WeightScheme scheme = *in_force.scheme;
  constexpr double margin = 0.75;
  for (double cap : {50, 20, 10, 5, 2}) {
    if (cap >= scheme.cap) continue;
    scheme.cap = cap;
    const std::vector<double> capped =
        in_force.is_pos_weight
            ? std::vector{1.0, data::pos_weights(in_force.counts.first(1), in_force.counts.last(1), cap)[0]}
            : data::class_weights(in_force.counts, scheme);
    if (step_noise(capped, in_force.counts, step) <= margin * most_step_noise) return to_string(scheme);
  }
  return std::nullopt;
}

}  // namespace

double step_noise(std::span<const double> weights, std::span<const std::int64_t> counts, const StepSize& step) {
  const std::optional<double> momentum = sgd_momentum(step.optimizer);
  if (!momentum || *momentum >= 1) return 0;
  const data::WeightSpread spread = data::spread_of(weights, counts);
  // Undivided, weights of another mean change the learning rate besides.
  const double scale = step.divides_by_weights ? 1.0 : spread.mean * spread.mean;
  return step.lr / (1 - *momentum) / static_cast<double>(step.batch_size) / spread.effective_share * scale;
}

std::optional<std::string> warn_of_weights(const WeightsInForce& in_force, const StepSize& step) {
  const double noise = step_noise(in_force.weights, in_force.counts, step);
  const std::vector<double> equal(in_force.weights.size(), 1.0);
  if (noise <= most_step_noise || step_noise(equal, in_force.counts, step) > most_step_noise) return std::nullopt;
  const data::WeightSpread spread = data::spread_of(in_force.weights, in_force.counts);
  const double lr = step.lr * most_step_noise / noise;
  const double digit = std::pow(10, std::floor(std::log10(lr)));
  const auto capped = capped_scheme(in_force, step);
  const std::string_view option = in_force.is_pos_weight ? "--pos-weight" : "--class-weights";
  return fmt::format(
      "{} {} is likely to make training diverge at lr {} with {}: the largest weight is {:.3g} times the smallest, so "
      "a batch of {} samples has an effective size of {:.3g} (try {}--lr {:.1g})",
      option, in_force.text, step.lr, to_string(step.optimizer), spread.ratio, step.batch_size,
      static_cast<double>(step.batch_size) * spread.effective_share,
      capped ? fmt::format("{} {}, or ", option, *capped) : "", std::floor(lr / digit) * digit);
}

}  // namespace perdita::train
