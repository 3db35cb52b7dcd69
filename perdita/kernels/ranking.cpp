#include "perdita/kernels/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "perdita/core/parallel.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// Groups that one thread takes at a time: a group may be a few documents only.
constexpr std::int64_t groups_per_item = 16;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The documents of a group, as given.
template <class T>
struct Documents {
  std::span<const T> scores;
  std::span<const double> relevance;
  double coefficient;

  std::int64_t count() const { return std::ssize(scores); }
};

/// Computes each group by loss_of(documents, gradient), where the gradient is set to that of the loss times
/// documents.coefficient.
template <class T, class LossOf>
void for_groups(const RankingTask<T>& task, const LossOf& loss_of) {
  const std::int64_t groups = std::ssize(task.begins) - 1;
  parallel_for((groups + groups_per_item - 1) / groups_per_item, [&](std::int64_t item) {
    std::vector<double> gradient;
    for (std::int64_t g = item * groups_per_item; g < std::min(groups, (item + 1) * groups_per_item); ++g) {
      const std::int64_t begin = task.begins[static_cast<std::size_t>(g)];
      const auto count = static_cast<std::size_t>(task.begins[static_cast<std::size_t>(g) + 1] - begin);
      const Documents<T> documents{.scores = {task.scores + begin, count},
                                   .relevance = {task.relevance + begin, count},
                                   .coefficient = task.coefficients[g]};
      gradient.assign(count, 0.0);
      task.losses[g] = count == 0 ? 0.0 : loss_of(documents, gradient);
      // 0 times a derivative, even an infinite one, is 0.
      if (documents.coefficient == 0) gradient.assign(count, 0.0);
      for (std::size_t i = 0; task.gradient && i < count; ++i)
        task.gradient[begin + static_cast<std::int64_t>(i)] = static_cast<T>(gradient[i]);
    }
  });
}

/// The loss and the gradient of a group that has a score of NaN.
double undefined(std::vector<double>& gradient) {
  std::fill(gradient.begin(), gradient.end(), nan);
  return nan;
}

template <class T>
bool has_nan(const Documents<T>& documents) {
  return std::any_of(documents.scores.begin(), documents.scores.end(), [](T score) { return score != score; });
}

template <class T>
double loss_of_order(const Documents<T>& documents, const ListMleOptions& options, std::vector<double>& gradient) {
  const auto n = static_cast<std::size_t>(documents.count());
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return documents.relevance[a] > documents.relevance[b]; });
  const std::vector<double> weights = position_weights(documents.count(), options);
  std::vector<double> log_sums(n);  // log sum_{j >= i} exp(s_j)
  double loss = 0, largest = -std::numeric_limits<double>::infinity(), sum = 0;
  // The last document alone has the probability 1, even if its score is infinite.
  const auto log_p = [&](std::size_t i) {
    return i + 1 == n ? 0.0 : static_cast<double>(documents.scores[order[i]]) - log_sums[i];
  };
  for (std::size_t i = n; i-- > 0;) {
    const auto score = static_cast<double>(documents.scores[order[i]]);
    if (score > largest) {
      sum = sum * std::exp(largest - score) + 1;
      largest = score;
    } else {
      sum += score == largest ? 1 : std::exp(score - largest);
    }
    log_sums[i] = largest + std::log(sum);
    if (weights[i] != 0) loss -= weights[i] * log_p(i);
  }
  // The derivative with respect to s_j is exp(s_j) sum_{i <= j} a_i exp(-log_sums[i]) - a_j. The sum over i is kept as
  // a multiple of its last exponential, which is the largest.
  double factor = 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (j > 0) factor *= std::exp(log_sums[j] - log_sums[j - 1]);
    factor += weights[j];
    gradient[order[j]] = documents.coefficient * (factor * std::exp(log_p(j)) - weights[j]);
  }
  return loss;
}

struct ApproxRankKernel {
  /// sums[i] = sum_j sigmoid(alpha (s_j - s_i)). `scores` is filled with -infinity behind its `count` numbers.
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, const double* scores, std::size_t count, double alpha, double* sums) const {
    using P = typename AnyTarget::template pack<double>;
    constexpr auto lanes = static_cast<std::size_t>(P::lanes);
    for (std::size_t i = 0; i < count; ++i) {
      if (!std::isfinite(scores[i])) {
        sums[i] = 0;
        for (std::size_t j = 0; j < count; ++j)
          sums[i] += scores[j] > scores[i] ? 1.0 : scores[j] == scores[i] ? 0.5 : 0.0;
        continue;
      }
      P sum(0.0);
      for (std::size_t j = 0; j < count; j += lanes) sum = sum + sigmoid(alpha * (P::load(scores + j) - scores[i]));
      sums[i] = horizontal_sum(sum);
    }
  }
};

struct ApproxRankSlopes {
  /// gradient[j] = alpha sum_i (c_i - c_j) sigmoid'(alpha (s_j - s_i)).
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, const double* scores, const double* c, std::size_t count, double alpha,
                                 double* gradient) const {
    using P = typename AnyTarget::template pack<double>;
    constexpr auto lanes = static_cast<std::size_t>(P::lanes);
    for (std::size_t j = 0; j < count; ++j) {
      gradient[j] = 0;
      if (!std::isfinite(scores[j])) continue;  // sigmoids are flat there
      P sum(0.0);
      for (std::size_t i = 0; i < count; i += lanes) {
        const P e = exp(-abs(alpha * (P::load(scores + i) - scores[j]))), r = 1.0 / (e + 1.0);
        sum = sum + (P::load(c + i) - c[j]) * (e * r * r);
      }
      gradient[j] = alpha * horizontal_sum(sum);
    }
  }
};

template <class T>
double loss_of_ranks(const Documents<T>& documents, double alpha, Gains how, std::vector<double>& gradient) {
  const auto n = static_cast<std::size_t>(documents.count());
  std::vector<double> gains;
  for (const double relevance : documents.relevance) gains.push_back(gain_of(relevance, how));
  std::vector<double> best = gains;
  std::sort(best.begin(), best.end(), std::greater{});
  const double ideal = dcg(best, documents.count());
  if (!(ideal > 0)) return 0;
  std::vector<double> scores(documents.scores.begin(), documents.scores.end()), sums(n), slopes(n + most_lanes);
  scores.resize(n + most_lanes, -std::numeric_limits<double>::infinity());
  run(ApproxRankKernel{}, scores.data(), n, alpha, sums.data());
  double loss = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double next = 1.5 + sums[i];  // 1 + pi_i: a document alone adds sigmoid(0) to its sum
    const double log_next = std::log2(next), share = gains[i] / ideal;
    loss -= share / log_next;
    slopes[i] = share / (std::numbers::ln2 * next * log_next * log_next);
  }
  run(ApproxRankSlopes{}, scores.data(), slopes.data(), n, alpha, gradient.data());
  for (double& slope : gradient) slope *= documents.coefficient;
  return loss;
}

}  // namespace

std::vector<double> position_weights(std::int64_t count, const ListMleOptions& options) {
  std::vector<double> weights(static_cast<std::size_t>(count), 1.0);
  if (options.position_aware) {
    // 2^(n - i) - 1, divided by 2^n so that it is finite for any n.
    double total = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto exponent = static_cast<int>(std::min<std::int64_t>(count, 4096));
      weights[i] = std::exp2(-static_cast<double>(i + 1)) - std::exp2(-exponent);
      total += weights[i];
    }
    for (double& weight : weights) weight = total > 0 ? std::max(0.0, weight / total) : 0.0;
  }
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (static_cast<std::int64_t>(i) >= options.k) weights[i] = 0;
  return weights;
}

template <class T>
void pair_ranking_loss(const RankingTask<T>& task, const PairOptions& options, Gains gains) {
  for_groups(task, [&](const Documents<T>& documents, std::vector<double>& gradient) {
    if (has_nan(documents)) return undefined(gradient);
    const RankedGroup group(
        documents.count(), options.k, gains,
        [&](std::int64_t i) { return documents.scores[static_cast<std::size_t>(i)]; },
        [&](std::int64_t i) { return documents.relevance[static_cast<std::size_t>(i)]; });
    std::vector<double> slopes, curvatures;
    const double loss = pair_losses(group, options, slopes, curvatures);
    for (std::size_t i = 0; i < slopes.size(); ++i)
      gradient[static_cast<std::size_t>(group.documents[i])] = documents.coefficient * slopes[i];
    return loss;
  });
}

template <class T>
void list_mle_loss(const RankingTask<T>& task, const ListMleOptions& options) {
  for_groups(task, [&](const Documents<T>& documents, std::vector<double>& gradient) {
    return has_nan(documents) ? undefined(gradient) : loss_of_order(documents, options, gradient);
  });
}

template <class T>
void approx_ndcg_loss(const RankingTask<T>& task, double alpha, Gains gains) {
  for_groups(task, [&](const Documents<T>& documents, std::vector<double>& gradient) {
    return has_nan(documents) ? undefined(gradient) : loss_of_ranks(documents, alpha, gains, gradient);
  });
}

#define PERDITA_DEFINE(T)                                                            \
  template void pair_ranking_loss(const RankingTask<T>&, const PairOptions&, Gains); \
  template void list_mle_loss(const RankingTask<T>&, const ListMleOptions&);         \
  template void approx_ndcg_loss(const RankingTask<T>&, double, Gains);
PERDITA_DEFINE(float)
PERDITA_DEFINE(double)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
