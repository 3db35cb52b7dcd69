#include "perdita/evaluate/quantile_sketch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <new>

namespace perdita::evaluate {

namespace {

constexpr std::uint32_t sign_bit = 0x80000000;

/// The bits of a float in an order that is that of the numbers.
std::uint32_t ascending_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return bits & sign_bit ? ~bits : bits | sign_bit;
}

double from_ascending_bits(std::uint32_t bits) {
  const auto value = std::bit_cast<float>(bits & sign_bit ? bits & ~sign_bit : ~bits);
  return std::isfinite(value) ? static_cast<double>(value)
                              : std::copysign(static_cast<double>(std::numeric_limits<float>::max()), value);
}

float to_float(double value) {
  constexpr double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -most, most));
}
float to_float(float value) { return value; }

/// The value that comes before all others; in lanes, of which the compiler makes vectors.
template <class T, class Before>
T extreme_of(std::span<const T> values, Before before) {
  constexpr std::size_t lanes = 16;
  std::array<T, lanes> found;
  found.fill(values[0]);
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane)
      found[lane] = before(values[i + lane], found[lane]) ? values[i + lane] : found[lane];
  }
  for (; i < values.size(); ++i) found[0] = before(values[i], found[0]) ? values[i] : found[0];
  return *std::ranges::min_element(found, before);
}

}  // namespace

QuantileSketch::QuantileSketch() : counts_(static_cast<std::int64_t*>(std::calloc(buckets, sizeof(std::int64_t)))) {
  if (!counts_) throw std::bad_alloc();
}

double QuantileSketch::bound(std::size_t bucket) {
  return bucket >= buckets ? static_cast<double>(std::numeric_limits<float>::max())
                           : from_ascending_bits(static_cast<std::uint32_t>(bucket << dropped_bits));
}

template <class T>
void QuantileSketch::add(std::span<const T> values) {
  if (values.empty()) return;
  for (T value : values) ++counts_[ascending_bits(to_float(value)) >> dropped_bits];
  least_ = std::min(least_, static_cast<double>(extreme_of(values, [](T a, T b) { return a < b; })));
  largest_ = std::max(largest_, static_cast<double>(extreme_of(values, [](T a, T b) { return a > b; })));
  count_ += static_cast<std::int64_t>(values.size());
  is_exact_ = is_exact_ && values_.size() + values.size() <= most_exact;
  if (is_exact_)
    values_.insert(values_.end(), values.begin(), values.end());
  else if (!values_.empty())
    std::vector<double>().swap(values_);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  for (std::size_t i = 0; i < buckets; ++i) {
    if (other.counts_[i] > 0) counts_[i] += other.counts_[i];
  }
  is_exact_ = is_exact_ && other.is_exact_;
  if (is_exact_)
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  else
    std::vector<double>().swap(values_);
  count_ += other.count_;
  least_ = std::min(least_, other.least_);
  largest_ = std::max(largest_, other.largest_);
}

double QuantileSketch::quantile(double share) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const double position = share * static_cast<double>(count_ - 1);
  if (is_exact_) {
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    const auto i = static_cast<std::size_t>(position);
    const double above = sorted[std::min(i + 1, sorted.size() - 1)];
    return sorted[i] + (position - std::floor(position)) * (above - sorted[i]);
  }
  if (share <= 0) return least_;
  if (share >= 1) return largest_;
  double result = largest_;
  std::int64_t before = 0;
  visit([&](double low, double high, std::int64_t count) {
    const double end = static_cast<double>(before + count - 1);
    if (static_cast<double>(before) <= position && position < end + 1) {
      // As if the bucket's values were spread evenly.
      const double within = (position - static_cast<double>(before) + 0.5) / static_cast<double>(count);
      result = low == 0 || high == 0 ? 0.0 : low + std::min(within, 1.0) * (high - low);
    }
    before += count;
  });
  return std::clamp(result, least_, largest_);
}

Summary QuantileSketch::summary() const {
  if (is_exact_) return summarize(std::span<const double>(values_));
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return {.count = count_,
          .nonfinite = 0,
          .mean = nan,
          .standard_deviation = nan,
          .standard_error = nan,
          .min = least_,
          .lower_quartile = quantile(0.25),
          .median = quantile(0.5),
          .upper_quartile = quantile(0.75),
          .p95 = quantile(0.95),
          .p99 = quantile(0.99),
          .max = largest_};
}

Histogram QuantileSketch::histogram(double low, double high, int bins, bool logarithmic) const {
  const HistogramOptions options{.bins = bins, .logarithmic = logarithmic, .low = low, .high = high};
  if (is_exact_) return perdita::evaluate::histogram(std::span<const double>(values_), options);
  Histogram h = perdita::evaluate::histogram(std::span<const double>(), options);
  visit([&](double from, double to, std::int64_t count) {
    const double middle = std::clamp(from + 0.5 * (to - from), least_, largest_);
    if (middle < h.edges.front()) {
      h.below += count;
    } else if (middle > h.edges.back()) {
      h.above += count;
    } else {
      const auto above = std::ranges::upper_bound(h.edges, middle) - h.edges.begin();
      h.counts[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - 1, 0, std::ssize(h.counts) - 1))] += count;
    }
  });
  return h;
}

template void QuantileSketch::add(std::span<const float>);
template void QuantileSketch::add(std::span<const double>);

}  // namespace perdita::evaluate
