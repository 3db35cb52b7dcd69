#include "perdita/boosting/loss_sum.hpp"

#include <algorithm>

#include "perdita/boosting/blocks.hpp"
#include "perdita/core/error.hpp"

namespace perdita::boosting {

namespace {

double weight_of(const LossPart& part) { return part.weight.at(0); }

void check(const LossSum& sum) {
  double total = 0;
  for (const LossPart& part : sum.parts()) {
    if (part.weight.changes()) {
      fail<ValueError>("{}: the weight of {} changes during training, which boosters do not support (valid: a number)",
                       to_string(sum), part.name);
    }
    if (weight_of(part) < 0) {
      fail<ValueError>("{}: the weight of {} is {}, so that the Hessian may be negative (valid: 0 or more)",
                       to_string(sum), part.name, weight_of(part));
    }
    if (sum.size() > 1 && meaning_of_prediction(info_of(part.loss)) == Meaning::quantiles)
      fail<ValueError>("{}: {} has several levels (valid: one level)", to_string(sum), part.name);
    total += weight_of(part);
  }
  if (!(total > 0)) fail<ValueError>("{}: all weights are 0 (valid: one above 0)", to_string(sum));
}

/// Gradients and Hessians of a part, dense, and their sums.
template <class T>
struct Sums {
  explicit Sums(std::int64_t count)
      : gradient(static_cast<std::size_t>(count)),
        hessian(gradient.size()),
        part_gradient(count),
        part_hessian(count) {}
  void add(double weight) {
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] += weight * static_cast<double>(part_gradient[i]);
      hessian[i] += weight * static_cast<double>(part_hessian[i]);
    }
  }
  /// Writes `count` elements from `begin` on. Returns the first that is not finite as the outputs have it, or `count`.
  template <class Out>
  std::int64_t write(std::int64_t begin, std::int64_t count, const Strided<Out>& to_gradient,
                     const Strided<Out>& to_hessian) const {
    for (std::int64_t i = 0; i < count; ++i) {
      to_gradient[i] = static_cast<Out>(gradient[static_cast<std::size_t>(begin + i)]);
      to_hessian[i] = static_cast<Out>(hessian[static_cast<std::size_t>(begin + i)]);
    }
    return detail::first_not_finite<Out>(to_gradient, to_hessian, count);
  }
  std::vector<double> gradient, hessian;
  std::vector<T> part_gradient, part_hessian;
};

}  // namespace

ScoreKind score_kind_of(const LossSum& sum) {
  if (sum.single()) return score_kind_of(*sum.single());
  check(sum);
  const ScoreKind kind = score_kind_of(sum.leading());
  for (const LossPart& part : sum.parts()) {
    const ScoreKind own = score_kind_of(part.loss);
    if (own == kind || own == ScoreKind::any) continue;
    fail<ValueError>("{}: the scores of {} and {} are of different kinds (valid: parts whose scores mean the same)",
                     to_string(sum), info_of(sum.leading()).name, part.name);
  }
  return kind;
}

std::vector<Hessian> hessians_of(const LossSum& sum) {
  score_kind_of(sum);
  std::vector<Hessian> policies = hessians_of(sum.parts()[0].loss);
  for (const LossPart& part : sum.parts()) {
    const std::vector<Hessian> own = hessians_of(part.loss);
    std::erase_if(policies, [&](Hessian policy) { return std::ranges::find(own, policy) == own.end(); });
  }
  return policies;
}

template <class T, class Out>
PairReport element_pairs(const LossSum& sum, const ElementPairs<T, Out>& pairs, const PairOptions& options) {
  if (sum.single()) return element_pairs(*sum.single(), pairs, options);
  score_kind_of(sum);
  Sums<T> sums(std::max<std::int64_t>(pairs.count, 0));
  PairReport report;
  for (const LossPart& part : sum.parts()) {
    if (weight_of(part) == 0) continue;
    const ElementPairs<T, T> of_part{.scores = pairs.scores,
                                     .targets = pairs.targets,
                                     .weights = pairs.weights,
                                     .gradient = {sums.part_gradient.data()},
                                     .hessian = {sums.part_hessian.data()},
                                     .count = pairs.count};
    report = detail::merged(report, element_pairs<T, T>(part.loss, of_part, options));
    sums.add(weight_of(part));
  }
  const std::int64_t bad = sums.write(0, pairs.count, pairs.gradient, pairs.hessian);
  if (bad < pairs.count) report = detail::merged(report, {.not_finite = bad});
  return report;
}

template <class T, class Out>
PairReport class_pairs(const LossSum& sum, const ClassPairs<T, Out>& pairs, const PairOptions& options) {
  if (sum.single()) return class_pairs(*sum.single(), pairs, options);
  score_kind_of(sum);
  const std::int64_t classes = pairs.classes;
  Sums<T> sums(std::max<std::int64_t>(pairs.rows, 0) * std::max<std::int64_t>(classes, 0));
  PairReport report;
  for (const LossPart& part : sum.parts()) {
    if (weight_of(part) == 0) continue;
    const ClassPairs<T, T> of_part{.scores = pairs.scores,
                                   .labels = pairs.labels,
                                   .weights = pairs.weights,
                                   .gradient = {sums.part_gradient.data(), classes, 1},
                                   .hessian = {sums.part_hessian.data(), classes, 1},
                                   .rows = pairs.rows,
                                   .classes = classes,
                                   .class_counts = pairs.class_counts};
    report = detail::merged(report, class_pairs<T, T>(part.loss, of_part, options));
    sums.add(weight_of(part));
  }
  for (std::int64_t i = 0; i < pairs.rows; ++i) {
    if (sums.write(i * classes, classes, pairs.gradient.row(i), pairs.hessian.row(i)) < classes)
      report = detail::merged(report, {.not_finite = i});
  }
  return report;
}

namespace {

/// sums_of(part) of each part, times its weight.
template <class SumsOf>
LossSums added(const LossSum& sum, const SumsOf& sums_of) {
  LossSums all;
  for (const LossPart& part : sum.parts()) {
    const LossSums own = sums_of(part.loss);
    const double weight = weight_of(part);
    all.weight = own.weight;
    if (weight == 0) continue;  // its sums may be infinite
    all.loss += weight * own.loss, all.first += weight * own.first, all.second += weight * own.second;
  }
  return all;
}

}  // namespace

template <class T>
LossSums element_sums(const LossSum& sum, const ElementPairs<T, float>& pairs) {
  score_kind_of(sum);
  return added(sum, [&](const AnyLoss& loss) { return element_sums<T>(loss, pairs); });
}

template <class T>
LossSums class_sums(const LossSum& sum, const ClassPairs<T, float>& pairs) {
  score_kind_of(sum);
  return added(sum, [&](const AnyLoss& loss) { return class_sums<T>(loss, pairs); });
}

#define PERDITA_INSTANTIATE(T, Out)                                                                   \
  template PairReport element_pairs(const LossSum&, const ElementPairs<T, Out>&, const PairOptions&); \
  template PairReport class_pairs(const LossSum&, const ClassPairs<T, Out>&, const PairOptions&);
PERDITA_INSTANTIATE(float, float)
PERDITA_INSTANTIATE(double, float)
PERDITA_INSTANTIATE(double, double)
#undef PERDITA_INSTANTIATE
template LossSums element_sums(const LossSum&, const ElementPairs<float, float>&);
template LossSums element_sums(const LossSum&, const ElementPairs<double, float>&);
template LossSums class_sums(const LossSum&, const ClassPairs<float, float>&);
template LossSums class_sums(const LossSum&, const ClassPairs<double, float>&);

}  // namespace perdita::boosting
