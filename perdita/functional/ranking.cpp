// Losses of the order of documents on tensors: pairs, likelihoods of rankings and approximations of the NDCG.
#include "perdita/kernels/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "perdita/functional/ranking_call.hpp"

namespace perdita {

namespace {

using namespace detail;

constexpr double no_score = -std::numeric_limits<double>::infinity();

kernels::Gains gains_of(RelevanceGain gain) {
  return gain == RelevanceGain::linear ? kernels::Gains::linear : kernels::Gains::exponential;
}

/// 2^relevance must be finite.
void check_gains(const RankingCall& call, RelevanceGain gain) {
  if (gain == RelevanceGain::exponential)
    check_domain(call.function, "target", call.relevance.get(call.function), {.low = 0, .high = 1000});
}

template <class T>
kernels::RankingTask<T> task_of(const RankingCall& call, const T* scores, const JointOutputs<T>& out) {
  return {.begins = call.begins,
          .scores = scores,
          .relevance = call.relevance.get(call.function).data<double>(),
          .coefficients = out.coefficients,
          .losses = out.losses,
          .gradient = out.gradient};
}

/// s_i - s_j of the documents i, j of each group, [groups, longest, longest].
Tensor differences(const Tensor& scores) { return scores.unsqueeze(2) - scores.unsqueeze(1); }

/// Where both documents exist and the first is more relevant.
Tensor is_better(const PaddedGroups& p) {
  return p.is_filled.unsqueeze(2) & p.is_filled.unsqueeze(1) & (p.relevance.unsqueeze(2) > p.relevance.unsqueeze(1));
}

Tensor sum_of_pairs(const Tensor& weights, const Tensor& scores, double sigma) {
  const Tensor losses = weights * softplus(-sigma * differences(scores));
  return sum(select(weights != 0.0, losses, 0.0).reshape({scores.size(0), scores.size(1) * scores.size(1)}), 1);
}

/// The number of pairs of each group with different relevance.
std::vector<double> pairs_of(const RankingCall& call) {
  const Tensor& relevance = call.relevance.get(call.function);
  const double* const labels = relevance.data<double>();
  std::vector<double> counts;
  for (std::size_t g = 0; g + 1 < call.begins.size(); ++g) {
    std::vector<double> own(labels + call.begins[g], labels + call.begins[g + 1]);
    std::sort(own.begin(), own.end());
    double pairs = 0;
    std::size_t first = 0;  // of those with the same relevance
    for (std::size_t i = 1; i < own.size(); ++i) {
      if (own[i] != own[i - 1]) first = i;
      pairs += static_cast<double>(first);
    }
    counts.push_back(pairs);
  }
  return counts;
}

/// The weights of LambdaRank's pairs, [groups, longest, longest]: constants, 0 for documents that are no pair, NaN for
/// all documents of a group with a score of NaN, which has no order.
Tensor lambda_weights(const LambdaRank& loss, const PaddedGroups& p, const Tensor& scores) {
  const std::int64_t rows = scores.size(0), longest = scores.size(1);
  const std::vector<double> s = scores.detach().contiguous().to_vector<double>();
  const std::vector<double> relevance = p.relevance.contiguous().to_vector<double>();
  const std::vector<double> is_filled = p.is_filled.to(DType::float64).contiguous().to_vector<double>();
  std::vector<double> weights(static_cast<std::size_t>(rows * longest * longest));
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto begin = static_cast<std::size_t>(row * longest);
    const auto count = static_cast<std::int64_t>(
        std::count(is_filled.begin() + row * longest, is_filled.begin() + (row + 1) * longest, 1.0));
    const auto scores_begin = s.begin() + row * longest;
    if (std::any_of(scores_begin, scores_begin + count, [](double score) { return std::isnan(score); })) {
      std::fill_n(weights.begin() + row * longest * longest, longest * longest, std::nan(""));
      continue;
    }
    const kernels::RankedGroup group(
        count, loss.k, gains_of(loss.gain), [&](std::int64_t i) { return s[begin + static_cast<std::size_t>(i)]; },
        [&](std::int64_t i) { return relevance[begin + static_cast<std::size_t>(i)]; });
    kernels::for_pairs(group, {.sigma = loss.sigma, .k = loss.k, .by_ndcg = true, .normalizes = loss.normalize},
                       [&](std::size_t better, std::size_t worse, double weight) {
                         const std::size_t i = begin + static_cast<std::size_t>(group.documents[better]);
                         const auto j = static_cast<std::size_t>(group.documents[worse]);
                         weights[i * static_cast<std::size_t>(longest) + j] = weight;
                       });
  }
  return Tensor::from(weights, {rows, longest, longest});
}

/// The order of each row by descending relevance, as indices [groups, longest]; absent documents come last.
Tensor order_by_relevance(const PaddedGroups& p) {
  const std::int64_t rows = p.relevance.size(0), longest = p.relevance.size(1);
  const std::vector<double> relevance = select(p.is_filled, p.relevance, -1.0).contiguous().to_vector<double>();
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows * longest));
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto begin = order.begin() + row * longest, end = begin + longest;
    std::iota(begin, end, row * longest);
    std::stable_sort(begin, end, [&](std::int64_t a, std::int64_t b) {
      return relevance[static_cast<std::size_t>(a)] > relevance[static_cast<std::size_t>(b)];
    });
  }
  return Tensor::from(order, {rows * longest});
}

/// The weights of the terms of ListMLE, 0 behind the last document of a row.
Tensor term_weights(const kernels::ListMleOptions& options, const PaddedGroups& p) {
  const std::int64_t rows = p.relevance.size(0), longest = p.relevance.size(1);
  const std::vector<double> counts = sum(p.is_filled.to(DType::float64), 1).to_vector<double>();
  std::vector<double> weights(static_cast<std::size_t>(rows * longest));
  for (std::size_t row = 0; row < counts.size(); ++row) {
    const std::vector<double> own = kernels::position_weights(static_cast<std::int64_t>(counts[row]), options);
    std::copy(own.begin(), own.end(), weights.begin() + static_cast<std::ptrdiff_t>(row) * longest);
  }
  return Tensor::from(weights, {rows, longest});
}

/// The gains of the documents, and the ideal DCG of each row.
std::pair<Tensor, Tensor> gains_of_rows(const PaddedGroups& p, RelevanceGain gain) {
  std::vector<double> gains = p.relevance.contiguous().to_vector<double>(), ideal;
  for (double& g : gains) g = kernels::gain_of(g, gains_of(gain));
  const Tensor given = Tensor::from(gains, p.relevance.shape());
  const std::int64_t longest = p.relevance.size(1);
  for (std::int64_t row = 0; row < p.relevance.size(0); ++row) {
    const std::span<double> own =
        std::span(gains).subspan(static_cast<std::size_t>(row * longest), static_cast<std::size_t>(longest));
    std::sort(own.begin(), own.end(), std::greater{});
    ideal.push_back(kernels::dcg(own, longest));
  }
  return {given, Tensor::from(ideal)};
}

}  // namespace

Tensor detail::own_call(const char* function, const RankNet& loss, GivenTensors x, const LossOptions& options) {
  RankingCall call = ranking_call(function, x, options);
  check_parameters(loss);
  call.counts = pairs_of(call);
  const auto kernel = [sigma = loss.sigma]<class T>(const RankingCall& of, const T* scores,
                                                    const JointOutputs<T>& out) {
    kernels::pair_ranking_loss(task_of(of, scores, out), {.sigma = sigma, .k = of.begins.back()},
                               kernels::Gains::linear);
  };
  const auto losses_of = [sigma = loss.sigma](const PaddedGroups& p, const Tensor& scores) {
    return sum_of_pairs(is_better(p).to(DType::float64), scores, sigma);
  };
  return ranking_loss(call, *x[0], options.extras, kernel, losses_of);
}

Tensor detail::own_call(const char* function, const LambdaRank& loss, GivenTensors x, const LossOptions& options) {
  const RankingCall call = ranking_call(function, x, options);
  check_parameters(loss);
  check_gains(call, loss.gain);
  const auto kernel = [loss]<class T>(const RankingCall& of, const T* scores, const JointOutputs<T>& out) {
    kernels::pair_ranking_loss(task_of(of, scores, out),
                               {.sigma = loss.sigma, .k = loss.k, .by_ndcg = true, .normalizes = loss.normalize},
                               gains_of(loss.gain));
  };
  const auto losses_of = [loss](const PaddedGroups& p, const Tensor& scores) {
    return sum_of_pairs(lambda_weights(loss, p, scores), scores, loss.sigma);
  };
  return ranking_loss(call, *x[0], options.extras, kernel, losses_of);
}

Tensor detail::own_call(const char* function, const ListMle& loss, GivenTensors x, const LossOptions& options) {
  const RankingCall call = ranking_call(function, x, options);
  check_parameters(loss);
  const kernels::ListMleOptions terms{.k = loss.k == 0 ? std::max<std::int64_t>(1, call.begins.back()) : loss.k,
                                      .position_aware = loss.position_aware};
  const auto kernel = [terms]<class T>(const RankingCall& of, const T* scores, const JointOutputs<T>& out) {
    kernels::list_mle_loss(task_of(of, scores, out), terms);
  };
  const auto losses_of = [terms](const PaddedGroups& p, const Tensor& scores) {
    const std::int64_t longest = scores.size(1);
    const Tensor given = select(p.is_filled, scores, no_score).flatten();
    const Tensor sorted = index_select(given, 0, order_by_relevance(p)).reshape(scores.shape());
    const Tensor is_behind = Tensor::arange(longest).unsqueeze(0) >= Tensor::arange(longest).unsqueeze(1);
    const Tensor log_sums = logsumexp(select(is_behind, sorted.unsqueeze(1), no_score), 2);
    const Tensor weights = term_weights(terms, p);
    return sum(select(weights != 0.0, weights * (log_sums - sorted), 0.0), 1);
  };
  return ranking_loss(call, *x[0], options.extras, kernel, losses_of);
}

Tensor detail::own_call(const char* function, const ApproxNdcg& loss, GivenTensors x, const LossOptions& options) {
  const RankingCall call = ranking_call(function, x, options);
  check_parameters(loss);
  check_gains(call, loss.gain);
  const auto kernel = [loss]<class T>(const RankingCall& of, const T* scores, const JointOutputs<T>& out) {
    kernels::approx_ndcg_loss(task_of(of, scores, out), loss.alpha, gains_of(loss.gain));
  };
  const auto losses_of = [loss](const PaddedGroups& p, const Tensor& scores) {
    const auto [gains, ideal] = gains_of_rows(p, loss.gain);
    const Tensor steps = select(p.is_filled.unsqueeze(1), sigmoid(-loss.alpha * differences(scores)), 0.0);
    const Tensor dcg = sum(gains * std::numbers::ln2 / log(1.5 + sum(steps, 2)), 1);
    return select(ideal > 0.0, 1.0 - dcg / select(ideal > 0.0, ideal, 1.0), 0.0);
  };
  return ranking_loss(call, *x[0], options.extras, kernel, losses_of);
}

}  // namespace perdita
