#include "perdita/boosting/minimize_constant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "perdita/boosting/logit_shift.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/sum.hpp"

namespace perdita::boosting {

namespace {

constexpr double least_share = 1e-15;
constexpr double infinite = std::numeric_limits<double>::infinity();

double weight_of(const Strided<const double>& weights, std::int64_t i) { return weights ? weights[i] : 1.0; }

/// The sum of the weights. Throws ValueError.
double check_weights(const LossSum& loss, const Strided<const double>& weights, std::int64_t count) {
  if (count <= 0) fail<ValueError>("minimize_constant: loss {} has no targets (valid: 1 or more)", to_string(loss));
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double weight = weight_of(weights, i);
    if (!(weight >= 0) || std::isinf(weight))
      fail<ValueError>("minimize_constant: weight[{}] is {} (valid: finite, 0 or more)", i, weight);
    total += weight;
  }
  if (!(total > 0)) fail<ValueError>("minimize_constant: the weights are all 0 (valid: a positive sum)");
  return total;
}

/// Pairwise sums of blocks of weight * value.
template <class Value>
double weighted_sum(const Strided<const double>& weights, std::int64_t count, const Value& value) {
  constexpr std::int64_t block = 1024;
  std::vector<double> sums;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    double sum = 0;
    for (std::int64_t i = begin; i < std::min(count, begin + block); ++i) sum += weight_of(weights, i) * value(i);
    sums.push_back(sum);
  }
  return combine_block_sums(sums);
}

/// The smallest target up to which the weights have at least the share `level`.
double weighted_quantile(const Strided<const double>& targets, const Strided<const double>& weights, std::int64_t count,
                         double level) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::int64_t i) { return targets[i]; });
  double total = 0;
  for (const std::int64_t i : order) total += weight_of(weights, i);
  double below = 0;
  for (const std::int64_t i : order) {
    below += weight_of(weights, i);
    // equal up to the rounding of the sums, so that the median of two targets is the first
    if (weight_of(weights, i) > 0 && below >= level * total * (1 - 1e-12)) return targets[i];
  }
  return targets[order.back()];
}

/// The level of a loss that a quantile of the targets minimizes.
double level_of(const AnyLoss& loss) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.q; })
          return one.q;
        else
          return 0.5;
      },
      loss.loss);
}

/// Whether the mean of the targets, through the link, minimizes the loss. Losses of logarithms of means are those of
/// exponential families; proper losses have this property by definition.
bool is_minimal_at_mean(const AnyLoss& loss) {
  const ScoreKind kind = score_kind_of(loss);
  const LossInfo& info = info_of(loss);
  if (kind == ScoreKind::log_mean) return true;
  const bool is_of_mean = kind == ScoreKind::value || kind == ScoreKind::label || kind == ScoreKind::classes;
  return is_of_mean && has(info.traits, Trait::proper);
}

bool is_minimal_at_mean(const LossSum& sum) {
  return std::ranges::all_of(sum.parts(), [](const LossPart& part) { return is_minimal_at_mean(part.loss); });
}

double score_of_mean(ScoreKind kind, double mean) {
  if (kind == ScoreKind::log_mean) return std::log(std::max(mean, 1e-300));
  if (kind == ScoreKind::value) return mean;
  const double share = std::clamp(mean, least_share, 1 - least_share);
  return std::log(share) - std::log1p(-share);
}

/// Minimizes a function of one score c in [-limit, limit]; sums_at(c) computes its first and second derivative. Throws
/// ValueError if the function decreases without bound.
template <class SumsAt>
double minimize(const LossSum& loss, const SumsAt& sums_at, double start, double scale, double limit) {
  double low = start, high = start, step = scale;
  LossSums sums = sums_at(start);
  if (sums.first == 0) return start;
  const bool rises = sums.first > 0;  // the minimum is below
  for (int i = 0; i < 200; ++i, step *= 2) {
    double& end = rises ? low : high;
    (rises ? high : low) = end;
    end += rises ? -step : step;
    const double first = sums_at(end).first;
    if (first == 0) return end;
    if ((first > 0) != rises) break;
    if (std::abs(end) > limit) return std::copysign(limit, end);
    if (!std::isfinite(first) || i == 199) {
      fail<ValueError>("minimize_constant: loss {} has no minimum at a finite score for these targets",
                       to_string(loss));
    }
  }
  double c = 0.5 * (low + high);
  for (int i = 0; i < 200 && high - low > 1e-14 * std::max(1e-300, std::abs(low) + std::abs(high)); ++i) {
    sums = sums_at(c);
    if (sums.first == 0) return c;
    (sums.first > 0 ? high : low) = c;
    const double newton = c - sums.first / sums.second;
    const bool is_inside = sums.second > 0 && newton > low && newton < high;
    const double next = is_inside ? newton : 0.5 * (low + high);
    if (std::abs(next - c) <= 1e-15 * std::abs(c) && is_inside) return next;
    c = next;
  }
  return c;
}

void centre(std::vector<double>& scores) {
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
  for (double& score : scores) score -= mean;
}

/// All rows of a class have one loss: a problem of one row per class, weighted by the share of the class.
class ProblemOfClasses {
 public:
  ProblemOfClasses(const LossSum& loss, std::vector<double> shares, const std::vector<double>& class_counts)
      : loss_(loss), shares_(std::move(shares)), class_counts_(class_counts), labels_(size()) {
    std::iota(labels_.begin(), labels_.end(), 0);
    gradient_.resize(size() * size());
    hessian_.resize(size() * size());
  }

  /// Descent from `scores` with the Hessian `bound`, with step sizes that decrease the loss.
  void minimize(std::vector<double>& scores) {
    double current = loss_at(scores);
    for (int i = 0; i < 5000; ++i) {
      const auto [step, decrease] = step_from(scores);
      if (!(decrease > 1e-30)) return;
      double factor = 1, found = 0;
      std::vector<double> next;
      do {
        next = scores;
        for (std::size_t k = 0; k < size(); ++k) next[k] += factor * step[k];
        found = loss_at(next);
        // near the minimum the decrease is below the rounding error of the loss
        if (found <= current - 1e-4 * factor * decrease || decrease < 1e-13) break;
        factor *= 0.5;
      } while (factor > 1e-10);
      if (factor <= 1e-10) return;
      scores = next, current = found;
    }
  }

 private:
  std::size_t size() const { return shares_.size(); }

  template <class Out>
  ClassPairs<double, Out> problem_at(const std::vector<double>& scores, Out* gradient, Out* hessian) const {
    const auto classes = static_cast<std::int64_t>(size());
    return {.scores = {scores.data(), 0, 1},
            .labels = {labels_.data()},
            .weights = {shares_.data()},
            .gradient = {gradient, classes, 1},
            .hessian = {hessian, classes, 1},
            .rows = classes,
            .classes = classes,
            .class_counts = class_counts_};
  }

  double loss_at(const std::vector<double>& scores) const {
    return class_sums<double>(loss_, problem_at<float>(scores, nullptr, nullptr)).loss;
  }

  /// -g / h of each class, and the sum of g^2 / h.
  std::pair<std::vector<double>, double> step_from(const std::vector<double>& scores) {
    class_pairs<double, double>(loss_, problem_at(scores, gradient_.data(), hessian_.data()), {Hessian::bound});
    std::vector<double> step(size());
    double decrease = 0;
    for (std::size_t k = 0; k < size(); ++k) {
      double g = 0, h = 0;
      for (std::size_t row = 0; row < size(); ++row) g += gradient_[row * size() + k], h += hessian_[row * size() + k];
      step[k] = -g / h;
      decrease += g * g / h;
    }
    return {step, decrease};
  }

  const LossSum& loss_;
  std::vector<double> shares_;
  const std::vector<double>& class_counts_;
  std::vector<std::int32_t> labels_;
  std::vector<double> gradient_, hessian_;
};

}  // namespace

double minimize_constant(const LossSum& loss, Strided<const double> targets, Strided<const double> weights,
                         std::int64_t count) {
  const double total = check_weights(loss, weights, count);
  const ScoreKind kind = score_kind_of(loss);
  double score = 0;
  const auto sums_at = [&](double c) {
    score = c;
    return element_sums<double>(
        loss,
        {.scores = {&score, 0}, .targets = targets, .weights = weights, .gradient = {}, .hessian = {}, .count = count});
  };
  sums_at(0);  // throws for targets outside the domain
  const AnyLoss* const single = loss.single();
  if (single && kind == ScoreKind::value && !has(info_of(*single).traits, Trait::smooth)) {
    const double quantile = weighted_quantile(targets, weights, count, level_of(*single));
    const double step = 1e-9 * std::max(std::abs(quantile), 1e-3);
    if (sums_at(quantile - step).first <= 0 && sums_at(quantile + step).first >= 0) return quantile;
  }
  const double mean = weighted_sum(weights, count, [&](std::int64_t i) { return targets[i]; }) / total;
  if (is_minimal_at_mean(loss)) return score_of_mean(kind, mean);
  if (kind == ScoreKind::value) {
    const double median = weighted_quantile(targets, weights, count, 0.5);
    const double spread =
        weighted_sum(weights, count, [&](std::int64_t i) { return std::abs(targets[i] - median); }) / total;
    return minimize(loss, sums_at, median, spread > 0 ? spread : 1, infinite);
  }
  const bool is_label = kind == ScoreKind::label || kind == ScoreKind::classes;
  const double limit = is_label || kind == ScoreKind::sign ? score_of_mean(ScoreKind::label, 1) : infinite;
  return minimize(loss, sums_at, is_label ? score_of_mean(kind, mean) : 0, 0.5, limit);
}

std::vector<double> minimize_constant_of_classes(const LossSum& loss, Strided<const std::int32_t> labels,
                                                 Strided<const double> weights, std::int64_t rows, std::int64_t classes,
                                                 const std::vector<double>& class_counts) {
  const double total = check_weights(loss, weights, rows);
  if (classes < 2) fail<ShapeError>("minimize_constant: classes is {} (valid: 2 or more)", classes);
  for (const LossPart& part : loss.parts()) refuse_logit_options(part.loss);
  const auto size = static_cast<std::size_t>(classes);
  std::vector<double> shares(size);
  for (std::int64_t i = 0; i < rows; ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      fail<IndexError>("minimize_constant: label[{}] is {} (valid: 0..{})", i, labels[i], classes - 1);
    shares[static_cast<std::size_t>(labels[i])] += weight_of(weights, i) / total;
  }
  std::vector<double> scores(size);
  for (std::size_t k = 0; k < size; ++k) scores[k] = std::log(std::max(shares[k], least_share));
  centre(scores);
  const bool are_smoothed =
      std::ranges::any_of(loss.parts(), [](const LossPart& part) { return part.loss.label_smoothing > 0; });
  if (is_minimal_at_mean(loss) && !are_smoothed) return scores;
  ProblemOfClasses(loss, std::move(shares), class_counts).minimize(scores);
  centre(scores);
  return scores;
}

}  // namespace perdita::boosting
