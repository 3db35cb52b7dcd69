#include "perdita/boosting/lambda_rank.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "perdita/boosting/blocks.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"
#include "perdita/kernels/ranked_pairs.hpp"

namespace perdita::boosting {

namespace {

/// The first document of each group, and the number of documents. Throws.
std::vector<std::int64_t> begins_of(std::span<const std::int64_t> group_sizes, std::int64_t count) {
  std::vector<std::int64_t> begins{0};
  for (std::size_t i = 0; i < group_sizes.size(); ++i) {
    if (group_sizes[i] < 0) fail<ShapeError>("lambda_rank: group[{}] is {} (valid: 0 or more)", i, group_sizes[i]);
    begins.push_back(begins.back() + group_sizes[i]);
  }
  if (begins.back() != count) {
    fail<ShapeError>(
        "lambda_rank: the groups have {} documents, but there are {} scores (valid: sizes of groups with this sum)",
        begins.back(), count);
  }
  return begins;
}

template <class T>
void check_relevance(const Strided<const T>& relevance, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (!(relevance[i] >= 0) || std::isinf(relevance[i]))
      fail<ValueError>("lambda_rank: relevance[{}] is {} (valid: finite, 0 or more)", i, relevance[i]);
  }
}

void check(const LambdaRankOptions& options) {
  if (options.k < 1) fail<ValueError>("lambda_rank: k is {} (valid: 1 or more)", options.k);
  if (!(options.sigma > 0) || std::isinf(options.sigma))
    fail<ValueError>("lambda_rank: sigma is {} (valid: finite, above 0)", options.sigma);
}

/// The documents [begin, end), from the best score to the worst.
template <class T>
kernels::RankedGroup group_of(const Strided<const T>& scores, const Strided<const T>& relevance, std::int64_t begin,
                              std::int64_t end, std::int64_t k) {
  return {end - begin, k, kernels::Gains::exponential, [&](std::int64_t i) { return scores[begin + i]; },
          [&](std::int64_t i) { return relevance[begin + i]; }};
}

}  // namespace

template <class T, class Out>
PairReport lambda_rank_pairs(const RankedPairs<T, Out>& pairs, std::int64_t count, const LambdaRankOptions& options) {
  check(options);
  detail::check_least(options.least);
  const std::vector<std::int64_t> begins = begins_of(pairs.group_sizes, count);
  check_relevance(pairs.relevance, count);
  const auto groups = std::ssize(pairs.group_sizes);
  std::vector<PairReport> reports(static_cast<std::size_t>(groups));
  parallel_for(groups, [&](std::int64_t index) {
    const auto at = static_cast<std::size_t>(index);
    for (std::int64_t i = begins[at]; i < begins[at + 1]; ++i) {
      if (std::isfinite(pairs.scores[i])) continue;
      reports[at].not_finite = i;  // NaN cannot be sorted
      return;
    }
    const kernels::RankedGroup group = group_of(pairs.scores, pairs.relevance, begins[at], begins[at + 1], options.k);
    std::vector<double> g, h;
    kernels::pair_losses(
        group, {.sigma = options.sigma, .k = options.k, .by_ndcg = true, .normalizes = options.normalize}, g, h);
    PairReport& report = reports[at];
    report.count = std::ssize(g);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::int64_t document = begins[at] + group.documents[i];
      const double weight = pairs.weights ? static_cast<double>(pairs.weights[document]) : 1.0;
      report.clipped += h[i] < options.least;
      const double gradient = weight * g[i], hessian = weight * std::max(h[i], options.least);
      const Out first = pairs.gradient[document] = static_cast<Out>(gradient);
      const Out second = pairs.hessian[document] = static_cast<Out>(hessian);
      const bool is_finite = std::isfinite(first) && std::isfinite(second);
      if (!is_finite && report.not_finite < 0) report.not_finite = document;
    }
  });
  return std::accumulate(reports.begin(), reports.end(), PairReport{}, detail::merged);
}

template <class T>
double ndcg(Strided<const T> scores, Strided<const T> relevance, std::span<const std::int64_t> group_sizes,
            std::int64_t count, std::int64_t k) {
  check({.k = k});
  const std::vector<std::int64_t> begins = begins_of(group_sizes, count);
  check_relevance(relevance, count);
  if (group_sizes.empty()) return std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t i = 0; i < count; ++i)
    if (std::isnan(scores[i])) fail<ValueError>("ndcg: scores[{}] is nan (valid: numbers)", i);
  std::vector<double> values(group_sizes.size());
  parallel_for(std::ssize(group_sizes), [&](std::int64_t index) {
    const auto at = static_cast<std::size_t>(index);
    const kernels::RankedGroup group = group_of(scores, relevance, begins[at], begins[at + 1], k);
    values[at] = group.ideal > 0 ? kernels::dcg(group.gains, k) / group.ideal : 1.0;
  });
  return combine_block_sums(values) / static_cast<double>(values.size());
}

template PairReport lambda_rank_pairs(const RankedPairs<float, float>&, std::int64_t, const LambdaRankOptions&);
template PairReport lambda_rank_pairs(const RankedPairs<double, float>&, std::int64_t, const LambdaRankOptions&);
template PairReport lambda_rank_pairs(const RankedPairs<double, double>&, std::int64_t, const LambdaRankOptions&);
template double ndcg(Strided<const float>, Strided<const float>, std::span<const std::int64_t>, std::int64_t,
                     std::int64_t);
template double ndcg(Strided<const double>, Strided<const double>, std::span<const std::int64_t>, std::int64_t,
                     std::int64_t);

}  // namespace perdita::boosting
