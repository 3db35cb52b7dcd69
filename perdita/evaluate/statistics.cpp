#include "perdita/evaluate/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "perdita/core/error.hpp"
#include "perdita/core/sum.hpp"

namespace perdita::evaluate {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double normal_975 = 1.959963984540054;  // the normal distribution's quantile at 97.5 %

/// The sum of f(value), rounding errors kept small by summing blocks and then the blocks' sums in a tree.
template <class F>
double sum_of(std::span<const double> values, F f) {
  constexpr std::size_t block = 1024;
  std::vector<double> sums;
  for (std::size_t start = 0; start < values.size(); start += block) {
    double sum = 0.0;
    for (double value : values.subspan(start, std::min(block, values.size() - start))) sum += f(value);
    sums.push_back(sum);
  }
  return combine_block_sums(sums);
}

/// Quantiles for ascending shares. Reorders `values`: each selection starts where the last one ended.
template <std::size_t N>
std::array<double, N> quantiles(std::vector<double>& values, const std::array<double, N>& shares) {
  std::array<double, N> result{};
  auto sorted_to = values.begin();
  for (std::size_t i = 0; i < N; ++i) {
    const double position = shares[i] * static_cast<double>(values.size() - 1);
    const auto below = values.begin() + static_cast<std::ptrdiff_t>(position);
    std::nth_element(sorted_to, below, values.end());
    sorted_to = below;
    const double fraction = position - std::floor(position);
    const double above = fraction > 0.0 ? *std::min_element(below + 1, values.end()) : *below;
    result[i] = *below + fraction * (above - *below);
  }
  return result;
}

template <class T>
std::vector<double> finite_values(std::span<const T> values) {
  std::vector<double> finite;
  finite.reserve(values.size());
  for (T value : values) {
    if (std::isfinite(value)) finite.push_back(static_cast<double>(value));
  }
  return finite;
}

template <class T>
Summary summarize_any(std::span<const T> values) {
  std::vector<double> finite = finite_values(values);
  Summary s{.mean = nan,
            .standard_deviation = nan,
            .standard_error = nan,
            .min = nan,
            .lower_quartile = nan,
            .median = nan,
            .upper_quartile = nan,
            .p95 = nan,
            .p99 = nan,
            .max = nan};
  s.count = static_cast<std::int64_t>(finite.size());
  s.nonfinite = static_cast<std::int64_t>(values.size()) - s.count;
  if (finite.empty()) return s;
  const auto n = static_cast<double>(s.count);
  s.mean = sum_of(finite, [](double v) { return v; }) / n;
  if (s.count > 1) {
    s.standard_deviation = std::sqrt(sum_of(finite, [&](double v) { return (v - s.mean) * (v - s.mean); }) / (n - 1));
    s.standard_error = s.standard_deviation / std::sqrt(n);
  }
  const auto q = quantiles(finite, std::array{0.0, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0});
  s.min = q[0], s.lower_quartile = q[1], s.median = q[2], s.upper_quartile = q[3];
  s.p95 = q[4], s.p99 = q[5], s.max = q[6];
  return s;
}

/// The values of the histogram's own scale (logarithms or not) that lie in its range; counts the others.
template <class T>
std::vector<double> values_in_range(std::span<const T> values, const HistogramOptions& options, double low, double high,
                                    Histogram& h) {
  std::vector<double> inside;
  inside.reserve(values.size());
  for (T value : values) {
    const auto v = static_cast<double>(value);
    if (!std::isfinite(v)) {
      ++h.nonfinite;
    } else if (v < low) {
      ++h.below;
    } else if (v > high) {
      ++h.above;
    } else {
      inside.push_back(options.logarithmic ? std::log(v) : v);
    }
  }
  return inside;
}

int bins_by_rule(std::vector<double> values, double width) {
  if (values.empty()) return 1;
  const auto n = static_cast<double>(values.size());
  const auto [lower, upper] = quantiles(values, std::array{0.25, 0.75});
  const double bins = upper > lower ? width * std::cbrt(n) / (2 * (upper - lower)) : std::sqrt(n);
  return static_cast<int>(std::clamp(std::ceil(bins), 1.0, 100.0));
}

/// The asked range, or that of the data; widened if it is a point.
template <class T>
std::array<double, 2> range_of(std::span<const T> values, const HistogramOptions& options) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (T value : values) {
    if (!std::isfinite(value) || (options.logarithmic && value <= 0)) continue;
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  if (low > high) low = options.logarithmic ? 1.0 : 0.0, high = low;
  if (!std::isnan(options.low)) low = options.low;
  if (!std::isnan(options.high)) high = options.high;
  if (!std::isfinite(low) || !std::isfinite(high) || low > high || (options.logarithmic && low <= 0)) {
    fail<ValueError>("histogram: range [{}, {}] (valid: finite, ascending{})", low, high,
                     options.logarithmic ? ", positive" : "");
  }
  if (low < high) return {low, high};
  if (options.logarithmic) return {low / 2, high * 2};
  const double margin = low == 0.0 ? 0.5 : std::abs(low) / 2;
  return {low - margin, high + margin};
}

template <class T>
Histogram histogram_any(std::span<const T> values, const HistogramOptions& options) {
  if (options.bins < 0)
    fail<ValueError>("histogram: bins is {} (valid: 1 or more, or 0 to choose automatically)", options.bins);
  const auto [low, high] = range_of(values, options);
  Histogram h;
  const std::vector<double> inside = values_in_range(values, options, low, high, h);
  const double first = options.logarithmic ? std::log(low) : low;
  const double last = options.logarithmic ? std::log(high) : high;
  const int bins = options.bins > 0 ? options.bins : bins_by_rule(inside, last - first);
  for (int i = 0; i <= bins; ++i) {
    const double edge = first + (last - first) * i / bins;
    h.edges.push_back(options.logarithmic ? std::exp(edge) : edge);
  }
  h.edges.front() = low, h.edges.back() = high;
  h.counts.assign(static_cast<std::size_t>(bins), 0);
  for (double value : inside) {
    const auto bin = static_cast<int>((value - first) / (last - first) * bins);
    ++h.counts[static_cast<std::size_t>(std::clamp(bin, 0, bins - 1))];
  }
  return h;
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by the method of Lentz.
double beta_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto bounded = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / bounded(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m < 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / bounded(1 + term * d);
      c = bounded(1 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (std::abs(step - 1) < 1e-14) break;
  }
  return fraction;
}

/// I_x(a, b), regularised (DLMF 8.17.2).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(1 - x, b, a);
  const double logarithm = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  return std::exp(logarithm) / a * beta_fraction(x, a, b);
}

}  // namespace

Summary summarize(std::span<const float> values) { return summarize_any(values); }
Summary summarize(std::span<const double> values) { return summarize_any(values); }

// Exact for one and two degrees of freedom, then the expansion about the normal quantile (Abramowitz & Stegun 26.7.5),
// whose error is below 0.2 % from three on.
double student_975(double dof) {
  if (dof == 1.0) return 12.706204736174705;
  if (dof == 2.0) return 4.302652729749464;
  const double z = normal_975, z2 = z * z;
  const double g1 = z * (z2 + 1) / 4;
  const double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
  const double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
  const double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  return z + (g1 + (g2 + (g3 + g4 / dof) / dof) / dof) / dof;
}

double student_two_sided(double t, double dof) {
  // From here on the normal distribution is within 1e-7 of it (Abramowitz & Stegun 26.7.8), and lgamma cancels.
  if (dof > 1e6) return std::erfc(std::abs(t) * (1 - 1 / (4 * dof)) / std::sqrt(2 * (1 + t * t / (2 * dof))));
  return std::isinf(t) ? 0 : incomplete_beta(dof / (dof + t * t), dof / 2, 0.5);
}

Interval mean_interval(const Summary& summary, bool never_negative) {
  if (summary.count < 2) return {nan, nan};
  const double half = student_975(static_cast<double>(summary.count - 1)) * summary.standard_error;
  // Student's interval is symmetric, and of few skewed values it reaches where no mean can be.
  const double low = summary.mean - half;
  return {never_negative && summary.min >= 0 ? std::max(low, 0.0) : low, summary.mean + half};
}

Interval wilson_interval(std::int64_t successes, std::int64_t trials) {
  if (trials <= 0 || successes < 0 || successes > trials) {
    fail<ValueError>("wilson_interval: {} successes in {} trials (valid: 0 <= successes <= trials, trials > 0)",
                     successes, trials);
  }
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n, z2 = normal_975 * normal_975;
  const double center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = normal_975 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

Histogram histogram(std::span<const float> values, const HistogramOptions& options) {
  return histogram_any(values, options);
}
Histogram histogram(std::span<const double> values, const HistogramOptions& options) {
  return histogram_any(values, options);
}

}  // namespace perdita::evaluate
