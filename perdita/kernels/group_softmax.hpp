// Cross-entropy of softmax distributions of groups of any size, with its gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "perdita/core/parallel.hpp"

namespace perdita::kernels {

struct GroupSoftmaxTask {
  std::span<const std::int64_t> begins;  ///< of groups, and behind them the number of documents
  const double* scores;
  const double* targets;  ///< sum to any number in a group
  double temperature = 1;
  const double* coefficients;  ///< of the losses
  double* losses;              ///< one for each group; 0 for one without documents
  double* gradient = nullptr;  ///< of sum_g coefficients[g] losses[g] with respect to the scores
};

namespace detail {

/// Groups that one thread takes at a time: a group may be a few documents only.
inline constexpr std::int64_t groups_per_item = 256;

/// body(group, begin, end) for each group.
template <class Body>
void for_each_group(std::span<const std::int64_t> begins, const Body& body) {
  const auto count = static_cast<std::int64_t>(begins.size()) - 1;
  parallel_for((count + groups_per_item - 1) / groups_per_item, [&](std::int64_t item) {
    const std::int64_t last = std::min(count, (item + 1) * groups_per_item);
    for (std::int64_t g = item * groups_per_item; g < last; ++g)
      body(g, begins[static_cast<std::size_t>(g)], begins[static_cast<std::size_t>(g) + 1]);
  });
}

/// log sum exp(x / temperature); -infinity of nothing.
inline double logsumexp(const double* x, std::int64_t count, double temperature) {
  const double largest = count == 0 ? -std::numeric_limits<double>::infinity() : *std::max_element(x, x + count);
  if (std::isinf(largest)) return largest;
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += std::exp((x[i] - largest) / temperature);
  return largest / temperature + std::log(sum);
}

}  // namespace detail

/// losses[g] = sum_i targets[i] (log sum_j exp(scores[j] / temperature) - scores[i] / temperature) over the group.
inline void group_softmax_loss(const GroupSoftmaxTask& task) {
  detail::for_each_group(task.begins, [&](std::int64_t g, std::int64_t begin, std::int64_t end) {
    const double log_sum = detail::logsumexp(task.scores + begin, end - begin, task.temperature);
    double loss = 0, total = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      if (task.targets[i] == 0) continue;
      loss += task.targets[i] * (log_sum - task.scores[i] / task.temperature);
      total += task.targets[i];
    }
    task.losses[g] = loss;
    if (!task.gradient) return;
    const double factor = task.coefficients[g] / task.temperature;
    for (std::int64_t i = begin; i < end; ++i) {
      const double p = std::exp(task.scores[i] / task.temperature - log_sum);
      task.gradient[i] = factor * (total * p - task.targets[i]);
    }
  });
}

/// The softmax of the values of each group.
inline void group_softmax(std::span<const std::int64_t> begins, const double* values, double* result) {
  detail::for_each_group(begins, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    const double log_sum = detail::logsumexp(values + begin, end - begin, 1);
    for (std::int64_t i = begin; i < end; ++i) result[i] = std::exp(values[i] - log_sum);
  });
}

}  // namespace perdita::kernels
