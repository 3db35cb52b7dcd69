#include "perdita/diagnose/baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::diagnose {

namespace {

std::vector<double> losses_of(const std::vector<evaluate::Record>& history, const char* key) {
  std::vector<double> losses = evaluate::curve(history, "epoch", key).y;
  std::erase_if(losses, [](double loss) { return !std::isfinite(loss); });
  return losses;
}

/// Standard deviation of the loss from epoch to epoch, without its trend: that of the differences of neighbors, over
/// the square root of 2.
double noise_of(const std::vector<double>& losses) {
  double squares = 0;
  std::int64_t count = 0;
  for (std::size_t i = losses.size() / 2 + 1; i < losses.size(); ++i, ++count) {
    squares += (losses[i] - losses[i - 1]) * (losses[i] - losses[i - 1]);
  }
  return count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count) / 2);
}

}  // namespace

std::optional<Finding> compare_with_baseline(const std::vector<evaluate::Record>& history,
                                             const std::vector<evaluate::Record>& baseline) {
  for (const auto& [key, name] : {std::pair{"val_loss", "validation"}, std::pair{"train_loss", "training"}}) {
    const std::vector<double> ours = losses_of(history, key), theirs = losses_of(baseline, key);
    if (ours.empty() || theirs.empty()) continue;
    const double best = std::ranges::min(ours), reference = std::ranges::min(theirs), noise = noise_of(theirs);
    if (!(best - reference > std::max(3 * noise, 0.01 * std::abs(reference)))) return std::nullopt;
    return Finding{
        .issue = Issue::worse_than_baseline,
        .text = fmt::format(
            "the lowest {} loss is {}, that of the baseline {} (standard deviation from epoch to epoch: {})", name,
            evaluate::format_number(best), evaluate::format_number(reference), evaluate::format_number(noise)),
        .advice =
            "compare the configurations of both runs; runs with several seeds show whether the difference is chance",
        .evidence = {{"best_loss", best}, {"baseline_loss", reference}, {"baseline_noise", noise}}};
  }
  fail<ValueError>("the run and the baseline have no loss in common (valid: runs with val_loss or train_loss)");
}

}  // namespace perdita::diagnose
