#include "perdita/evaluate/roc.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "perdita/core/parallel.hpp"

namespace perdita::evaluate {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Twice the pairs that the positive wins, a tie counting one. Both are sorted.
std::int64_t twice_won(std::span<const double> negatives, std::span<const double> positives) {
  std::int64_t won = 0;
  std::size_t below = 0, not_above = 0;
  for (double score : positives) {
    while (below < negatives.size() && negatives[below] < score) ++below;
    not_above = std::max(not_above, below);
    while (not_above < negatives.size() && negatives[not_above] == score) ++not_above;
    won += static_cast<std::int64_t>(below + not_above);
  }
  return won;
}

/// By buckets: scores that share one count as ties.
RocArea approximate_area(const QuantileSketch& negative, const QuantileSketch& positive, double pairs) {
  double below = 0, won = 0, tied = 0;  // negatives with smaller logits; pairs
  for (std::size_t i = 0; i < QuantileSketch::buckets; ++i) {
    const auto no = static_cast<double>(negative.count_of(i)), yes = static_cast<double>(positive.count_of(i));
    won += yes * below;
    tied += yes * no;
    below += no;
  }
  return {(won + tied / 2) / pairs, tied / 2 / pairs, false};
}

}  // namespace

template <class T>
void RocScores::keep(Side& side, std::span<const T> scores) {
  std::vector<double>& run = side.runs.front();
  const std::size_t size = run.size() + scores.size();
  if (size > run.capacity()) run.reserve(std::max(size, run.capacity() + run.capacity() / 4));
  run.insert(run.end(), scores.begin(), scores.end());
}

template <class T>
void RocScores::add(std::span<const T> scores, std::span<const T> logits, std::span<const std::int32_t> labels) {
  std::vector<T> side_scores[2], side_logits[2];
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Side& side = sides_[labels[i]];
    if (std::isnan(scores[i])) {
      ++side.undefined;
      continue;
    }
    side_scores[labels[i]].push_back(scores[i]);
    side_logits[labels[i]].push_back(logits[i]);
  }
  const std::int64_t added = std::ssize(labels);
  is_exact_ = is_exact_ && kept_->fetch_add(added, std::memory_order_relaxed) + added <= most_exact;
  for (std::size_t s = 0; s < 2; ++s) {
    sides_[s].logits.add(std::span<const T>(side_logits[s]));
    if (is_exact_) keep(sides_[s], std::span<const T>(side_scores[s]));
  }
  if (!is_exact_) drop();
}

void RocScores::drop() {
  for (Side& side : sides_) std::vector<std::vector<double>>(1).swap(side.runs);
}

void RocScores::merge(RocScores&& other) {
  is_exact_ = is_exact_ && other.is_exact_;
  for (std::size_t s = 0; s < 2; ++s) {
    Side &to = sides_[s], &from = other.sides_[s];
    for (std::vector<double>& run : from.runs) to.runs.push_back(std::move(run));
    to.logits.merge(from.logits);
    to.undefined += from.undefined;
  }
  if (!is_exact_) drop();
}

RocArea RocScores::area() {
  const auto negatives = static_cast<double>(sides_[0].count()), positives = static_cast<double>(sides_[1].count());
  const double pairs = negatives * positives;
  if (pairs == 0) return {nan, 0, true};
  if (!is_exact_ || count() > most_exact) return approximate_area(sides_[0].logits, sides_[1].logits, pairs);
  std::vector<std::vector<double>>&no = sides_[0].runs, &yes = sides_[1].runs;
  parallel_for(std::ssize(no) + std::ssize(yes), [&](std::int64_t i) {
    std::ranges::sort(i < std::ssize(no) ? no[static_cast<std::size_t>(i)]
                                         : yes[static_cast<std::size_t>(i - std::ssize(no))]);
  });
  std::vector<std::int64_t> won(no.size() * yes.size());
  parallel_for(std::ssize(won), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    won[at] = twice_won(no[at / yes.size()], yes[at % yes.size()]);
  });
  return {static_cast<double>(std::accumulate(won.begin(), won.end(), std::int64_t{0})) / (2 * pairs), 0, true};
}

template void RocScores::add(std::span<const float>, std::span<const float>, std::span<const std::int32_t>);
template void RocScores::add(std::span<const double>, std::span<const double>, std::span<const std::int32_t>);

}  // namespace perdita::evaluate
