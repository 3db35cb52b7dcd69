#include "perdita/evaluate/temperature.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/kernels/elementwise.hpp"
#include "perdita/math/functions.hpp"

namespace perdita::evaluate {

namespace {

/// Which of the halves of group `group` of level `level` its row comes from: 0 or 1.
std::int64_t chosen_half(std::int64_t group, int level) {
  std::uint64_t x = static_cast<std::uint64_t>(group) * 64 + static_cast<std::uint64_t>(level) + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;  // the finaliser of SplitMix64 (Steele, Lea and Flood 2014)
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::int64_t>((x ^ (x >> 31)) & 1);
}

/// The row that a group gives.
std::int64_t row_of_group(std::int64_t group, int level) {
  for (; level > 0; --level) group = 2 * group + chosen_half(group, level);
  return group;
}

/// Whether the likelihood of the row is finite for any temperature.
template <class T>
bool has_likelihood(const T* logits, std::int64_t classes, std::int32_t label) {
  constexpr T inf = std::numeric_limits<T>::infinity();
  return std::isfinite(logits[label]) && std::all_of(logits, logits + classes, [](T z) { return z < inf; });
}

/// exp(beta gap) of logits by their distance from the largest.
struct ExpOfGap {
  double beta;
  PERDITA_INLINE auto operator()(auto gap) const { return exp(beta * gap); }
};

/// Mean negative log-likelihood of softmax(beta z), and its derivatives by beta: with p = softmax(beta z) the first is
/// the mean of E_p[z] - z_label, the second that of Var_p[z].
struct Likelihood {
  double nll = 0, slope = 0, curvature = 0;
};

/// A sample as softmax sees it: each logit less the largest of its row.
class Gaps {
 public:
  explicit Gaps(const RowSample& sample) : sample_(sample), classes_(static_cast<std::size_t>(sample.classes())) {
    for (std::size_t row = 0; row < sample.size(); ++row) {
      const auto z = sample.logits(row);
      const auto largest = static_cast<double>(*std::ranges::max_element(z));
      for (float logit : z) gaps_.push_back(static_cast<double>(logit) - largest);
    }
    exponentials_.resize(gaps_.size());
  }

  Likelihood likelihood(double beta) {
    exponentiate(beta);
    Likelihood sum;
    for (std::size_t row = 0; row < sample_.size(); ++row) {
      const double own = gaps_[row * classes_ + static_cast<std::size_t>(sample_.label(row))];
      double total = 0, first = 0, second = 0;
      for (std::size_t i = row * classes_; i < (row + 1) * classes_; ++i) {
        const double gap = gaps_[i], e = exponentials_[i];
        if (e == 0) continue;  // and gap perhaps -inf
        total += e;
        first += gap * e;
        second += gap * gap * e;
      }
      const double mean = first / total;
      sum.nll += std::log(total) - beta * own;
      sum.slope += mean - own;
      sum.curvature += std::max(0.0, second / total - mean * mean);
    }
    const auto n = static_cast<double>(sample_.size());
    return {sum.nll / n, sum.slope / n, sum.curvature / n};
  }

  double calibration_error(double beta, int bins) {
    exponentiate(beta);
    CalibrationCounts counts(bins);
    for (std::size_t row = 0; row < sample_.size(); ++row) {
      const auto begin = exponentials_.begin() + static_cast<std::ptrdiff_t>(row * classes_);
      const double total = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(classes_), 0.0);
      const auto z = sample_.logits(row);
      counts.add(1 / total, std::ranges::max_element(z) - z.begin() == sample_.label(row));
    }
    return counts.result().ece;
  }

 private:
  void exponentiate(double beta) {
    kernels::elementwise<ExpOfGap, double, 1>({beta}, {gaps_.data()}, {.values = exponentials_.data()},
                                              static_cast<std::int64_t>(gaps_.size()));
  }

  const RowSample& sample_;
  std::size_t classes_;
  std::vector<double> gaps_, exponentials_;
};

}  // namespace

RowSample::RowSample(std::int64_t classes, std::int64_t most_rows, std::int64_t most_elements)
    : classes_(classes),
      most_(static_cast<std::size_t>(std::clamp<std::int64_t>(most_elements / std::max<std::int64_t>(classes, 1), 16,
                                                              std::max<std::int64_t>(most_rows, 16)))) {}

template <class T>
void RowSample::add(std::int64_t first, const T* logits, std::span<const std::int32_t> labels,
                    std::span<const T> losses) {
  const std::int64_t end = first + std::ssize(labels);
  for (std::int64_t group = first >> level_; group << level_ < end; ++group) {
    const std::int64_t row = row_of_group(group, level_);
    if (row < first || row >= end) continue;
    const auto at = static_cast<std::size_t>(row - first);
    const T* const z = logits + (row - first) * classes_;
    if (labels[at] < 0 || !std::isfinite(losses[at]) || !has_likelihood(z, classes_, labels[at])) continue;
    rows_.push_back(row);
    labels_.push_back(labels[at]);
    losses_.push_back(static_cast<float>(losses[at]));
    for (std::int64_t k = 0; k < classes_; ++k) logits_.push_back(static_cast<float>(z[k]));
    if (rows_.size() > most_) {
      raise_level();
      group = row >> level_;  // which may yet give a later row
      if (row_of_group(group, level_) > row) --group;
    }
  }
}

void RowSample::raise_level() {
  ++level_;
  const auto width = static_cast<std::size_t>(classes_);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::int64_t half = rows_[i] >> (level_ - 1);  // whose row this is
    if (chosen_half(half >> 1, level_) != (half & 1)) continue;
    rows_[kept] = rows_[i];
    labels_[kept] = labels_[i];
    losses_[kept] = losses_[i];
    std::copy_n(logits_.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                logits_.begin() + static_cast<std::ptrdiff_t>(kept * width));
    ++kept;
  }
  rows_.resize(kept);
  labels_.resize(kept);
  losses_.resize(kept);
  logits_.resize(kept * width);
}

void RowSample::merge(const RowSample& other) {
  RowSample theirs = other;
  while (level_ < theirs.level_) raise_level();
  while (theirs.level_ < level_) theirs.raise_level();
  rows_.insert(rows_.end(), theirs.rows_.begin(), theirs.rows_.end());
  labels_.insert(labels_.end(), theirs.labels_.begin(), theirs.labels_.end());
  losses_.insert(losses_.end(), theirs.losses_.begin(), theirs.losses_.end());
  logits_.insert(logits_.end(), theirs.logits_.begin(), theirs.logits_.end());
  while (rows_.size() > most_) raise_level();
}

std::optional<TemperatureFit> fit_temperature(const RowSample& sample, int bins) {
  if (sample.size() < 2) return std::nullopt;
  Gaps gaps(sample);
  double low = 1e-4, high = 1e4;
  // The slope rises with beta: it must be negative at one end and positive at the other.
  if (!(gaps.likelihood(low).slope < 0) || !(gaps.likelihood(high).slope > 0)) return std::nullopt;
  double beta = 1;
  for (int i = 0; i < 100; ++i) {
    const Likelihood at = gaps.likelihood(beta);
    (at.slope > 0 ? high : low) = beta;
    double next = beta - at.slope / at.curvature;
    if (!(next > low && next < high)) next = std::sqrt(low * high);
    const bool is_settled = std::abs(next - beta) <= 1e-12 * beta;
    beta = next;
    if (is_settled) break;
  }
  return TemperatureFit{.samples = static_cast<std::int64_t>(sample.size()),
                        .temperature = 1 / beta,
                        .nll_before = gaps.likelihood(1).nll,
                        .nll_after = gaps.likelihood(beta).nll,
                        .ece_before = gaps.calibration_error(1, bins),
                        .ece_after = gaps.calibration_error(beta, bins)};
}

template void RowSample::add(std::int64_t, const float*, std::span<const std::int32_t>, std::span<const float>);
template void RowSample::add(std::int64_t, const double*, std::span<const std::int32_t>, std::span<const double>);

}  // namespace perdita::evaluate
