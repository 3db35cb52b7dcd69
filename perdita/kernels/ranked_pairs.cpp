#include "perdita/kernels/ranked_pairs.hpp"

#include <limits>

#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// The numbers of a group, followed by as many as fill the last register. A gain of NaN makes no pair.
struct PaddedGroup {
  std::vector<double> scores, gains, discounts;
  std::size_t count;

  explicit PaddedGroup(const RankedGroup& group)
      : scores(group.scores), gains(group.gains), discounts(group.discounts), count(group.size()) {
    scores.resize(count + most_lanes, 0.0);
    gains.resize(count + most_lanes, std::numeric_limits<double>::quiet_NaN());
    discounts.resize(count + most_lanes, 0.0);
  }
};

struct PairSums {
  double loss = 0;
  double slopes = 0;  ///< of all pairs, absolute
};

struct PairKernel {
  /// The pairs of the document i and those behind it.
  template <class AnyTarget>
  PERDITA_INLINE PairSums operator()(AnyTarget, const PaddedGroup* group, std::size_t i, const PairOptions* options,
                                     double weight, bool divides, double* slopes, double* curvatures) const {
    using P = typename AnyTarget::template pack<double>;
    constexpr auto lanes = static_cast<std::size_t>(P::lanes);
    const double score = group->scores[i], gain = group->gains[i], discount = group->discounts[i];
    const double sigma = options->sigma;
    P loss(0.0), own_slope(0.0), own_curvature(0.0), all(0.0);
    for (std::size_t j = i + 1; j < group->count; j += lanes) {
      const P other = P::load(group->gains.data() + j);
      const auto is_better = other < gain;
      const auto is_worse = other > gain;
      const P difference = score - P::load(group->scores.data() + j);
      const P x = sigma * select(is_better, -difference, difference);
      P w(weight);
      if (options->by_ndcg) w = w * abs(other - gain) * (discount - P::load(group->discounts.data() + j));
      if (divides) w = w / (abs(difference) + 0.01);
      w = zero_unless(is_better | is_worse, w);
      const P e = exp(-abs(x)), r = 1.0 / (e + 1.0);
      const P p = select(x < 0.0, e * r, r);
      loss = loss + zero_unless(w != 0.0, w * (max(x, P(0.0)) + log1p(e)));
      const P slope = zero_unless(w != 0.0, sigma * w * p);
      const P curvature = sigma * slope * select(x < 0.0, r, e * r);
      const P signed_slope = select(is_better, slope, -slope);
      (P::load(slopes + j) + signed_slope).store(slopes + j);
      (P::load(curvatures + j) + curvature).store(curvatures + j);
      own_slope = own_slope - signed_slope;
      own_curvature = own_curvature + curvature;
      all = all + slope;
    }
    slopes[i] += horizontal_sum(own_slope);
    curvatures[i] += horizontal_sum(own_curvature);
    return {horizontal_sum(loss), horizontal_sum(all)};
  }
};

bool divides_by_differences(const RankedGroup& group, const PairOptions& options) {
  return options.normalizes && group.scores.front() != group.scores.back();
}

std::size_t first_documents(const RankedGroup& group, const PairOptions& options) {
  return std::min(group.size(), static_cast<std::size_t>(options.k));
}

/// The factor of the results of a group. slopes: the sum of the absolute derivatives of its pairs.
double factor_of(const PairOptions& options, double slopes) {
  const double total = 2 * slopes;
  return options.normalizes && total > 0 ? std::log2(1 + total) / total : 1.0;
}

}  // namespace

double pair_losses(const RankedGroup& group, const PairOptions& options, std::vector<double>& slopes,
                   std::vector<double>& curvatures) {
  slopes.assign(group.size() + most_lanes, 0.0);
  curvatures.assign(group.size() + most_lanes, 0.0);
  PairSums sums;
  if (group.ideal > 0) {
    const PaddedGroup padded(group);
    const bool divides = divides_by_differences(group, options);
    const double weight = options.by_ndcg ? 1 / group.ideal : 1;
    for (std::size_t i = 0; i < first_documents(group, options); ++i) {
      const PairSums found = run(PairKernel{}, &padded, i, &options, weight, divides, slopes.data(), curvatures.data());
      sums.loss += found.loss, sums.slopes += found.slopes;
    }
  }
  slopes.resize(group.size());
  curvatures.resize(group.size());
  const double factor = factor_of(options, sums.slopes);
  for (double& slope : slopes) slope *= factor;
  for (double& curvature : curvatures) curvature *= factor;
  return factor * sums.loss;
}

void for_pairs(const RankedGroup& group, const PairOptions& options,
               const std::function<void(std::size_t, std::size_t, double)>& visit) {
  if (!(group.ideal > 0)) return;
  const bool divides = divides_by_differences(group, options);
  const auto each = [&](const auto& apply) {
    for (std::size_t i = 0; i < first_documents(group, options); ++i) {
      for (std::size_t j = i + 1; j < group.size(); ++j) {
        const double change = group.gains[i] - group.gains[j];
        if (change == 0) continue;
        const double difference = group.scores[i] - group.scores[j];
        double weight = 1;
        if (options.by_ndcg) weight = std::abs(change) * (group.discounts[i] - group.discounts[j]) / group.ideal;
        if (divides) weight /= 0.01 + difference;
        apply(change > 0 ? i : j, change > 0 ? j : i, weight, change > 0 ? difference : -difference);
      }
    }
  };
  double slopes = 0;
  if (options.normalizes) {
    each([&](std::size_t, std::size_t, double weight, double difference) {
      slopes += options.sigma * weight / (1 + std::exp(options.sigma * difference));
    });
  }
  const double factor = factor_of(options, slopes);
  each([&](std::size_t better, std::size_t worse, double weight, double) { visit(better, worse, factor * weight); });
}

}  // namespace perdita::kernels
