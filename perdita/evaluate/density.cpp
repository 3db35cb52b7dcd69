#include "perdita/evaluate/density.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {
namespace {

constexpr double reach = 4.0;  // a Gaussian's mass beyond four deviations is 6e-5: not visible

/// A grid of equal steps: point i lies at low + i * step.
struct Grid {
  double low, step;
  std::size_t points;
};

/// The sample's weight on each point of the grid; values outside are dropped.
template <class T>
std::vector<double> bin_linearly(std::span<const T> values, const Grid& grid) {
  std::vector<double> weights(grid.points + 1, 0.0);
  const auto last = static_cast<double>(grid.points - 1);
  for (T value : values) {
    const double position = (static_cast<double>(value) - grid.low) / grid.step;
    if (!(position >= 0.0 && position <= last)) continue;  // NaN and infinities, too
    const auto point = static_cast<std::size_t>(position);
    const double fraction = position - static_cast<double>(point);
    weights[point] += 1.0 - fraction;
    weights[point + 1] += fraction;
  }
  weights.pop_back();
  return weights;
}

/// Half of the Gaussian on the grid's steps, so scaled that a weight of one becomes an area of one.
std::vector<double> gaussian(double bandwidth, double step) {
  std::vector<double> kernel(static_cast<std::size_t>(std::ceil(reach * bandwidth / step)) + 1);
  double area = 0.0;
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    const double z = static_cast<double>(i) * step / bandwidth;
    kernel[i] = std::exp(-0.5 * z * z);
    area += (i == 0 ? 1.0 : 2.0) * kernel[i] * step;
  }
  for (double& value : kernel) value /= area;
  return kernel;
}

std::vector<double> convolve(const std::vector<double>& weights, const std::vector<double>& kernel) {
  const auto n = static_cast<std::ptrdiff_t>(weights.size()), reach_points = static_cast<std::ptrdiff_t>(kernel.size());
  std::vector<double> result(weights.size(), 0.0);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    if (weights[static_cast<std::size_t>(i)] == 0.0) continue;
    for (std::ptrdiff_t j = std::max<std::ptrdiff_t>(0, i - reach_points + 1); j < std::min(n, i + reach_points); ++j) {
      result[static_cast<std::size_t>(j)] +=
          weights[static_cast<std::size_t>(i)] * kernel[static_cast<std::size_t>(std::abs(i - j))];
    }
  }
  return result;
}

void check(const DensityOptions& options) {
  if (options.points < 16) fail<ValueError>("density: points is {} (valid: 16 or more)", options.points);
  if (!(options.bandwidth >= 0.0) || std::isinf(options.bandwidth)) {
    fail<ValueError>("density: bandwidth is {} (valid: positive, or 0 for Silverman's rule)", options.bandwidth);
  }
  if (options.low >= options.high || std::isinf(options.low) || std::isinf(options.high)) {
    fail<ValueError>("density: range [{}, {}] (valid: finite, ascending)", options.low, options.high);
  }
}

/// Where the curve is drawn, and the bandwidth that its points can show: wider than the range it would be flat there,
/// and its kernel as long as memory.
Grid grid_of(const Summary& summary, const DensityOptions& options, double& bandwidth) {
  const auto steps = static_cast<double>(options.points - 1);
  if (bandwidth == 0.0) bandwidth = summary.max == 0.0 ? 1.0 : std::abs(summary.max) / steps;  // all values are equal
  double low = std::isnan(options.low) ? summary.min - reach * bandwidth : options.low;
  if (options.reflect_at_zero) low = std::max(low, 0.0);
  double high = std::isnan(options.high) ? summary.max + reach * bandwidth : options.high;
  if (high <= low) high = low + 2 * reach * bandwidth;
  const double step = (high - low) / steps;
  bandwidth = std::clamp(bandwidth, 2 * step, high - low);
  return {low, step, static_cast<std::size_t>(options.points)};
}

template <class T>
Density density_any(std::span<const T> values, const DensityOptions& options) {
  check(options);
  const Summary summary = summarize(values);
  Density result;
  if (summary.count == 0) return result;
  result.bandwidth = options.bandwidth > 0.0 ? options.bandwidth : silverman_bandwidth(summary);
  const Grid grid = grid_of(summary, options, result.bandwidth);

  // Values beyond both ends reach into the range: the working grid has a margin.
  const std::vector<double> kernel = gaussian(result.bandwidth, grid.step);
  const std::size_t margin = kernel.size();
  const Grid wide{grid.low - static_cast<double>(margin) * grid.step, grid.step, grid.points + 2 * margin};
  std::vector<double> heights = convolve(bin_linearly(values, wide), kernel);
  const std::vector<double> all = heights;
  if (options.reflect_at_zero) {
    for (std::size_t i = margin; i < wide.points; ++i) {  // the mirror image of a point lies between two others
      const double position = (-(wide.low + static_cast<double>(i) * wide.step) - wide.low) / wide.step;
      if (position < 0.0) break;
      const auto point = static_cast<std::size_t>(position);
      if (point + 1 >= wide.points) continue;
      const double fraction = position - static_cast<double>(point);
      heights[i] += all[point] + fraction * (all[point + 1] - all[point]);
    }
  }
  for (std::size_t i = 0; i < grid.points; ++i) {
    result.x.push_back(grid.low + static_cast<double>(i) * grid.step);
    result.y.push_back(heights[i + margin] / static_cast<double>(summary.count));
  }
  return result;
}

}  // namespace

double silverman_bandwidth(const Summary& summary) {
  if (summary.count < 2) return 0.0;
  double spread = summary.standard_deviation;
  const double iqr = summary.upper_quartile - summary.lower_quartile;
  if (iqr > 0.0) spread = std::min(spread, iqr / 1.34);
  return 0.9 * spread * std::pow(static_cast<double>(summary.count), -0.2);
}

Density density(std::span<const float> values, const DensityOptions& options) { return density_any(values, options); }
Density density(std::span<const double> values, const DensityOptions& options) { return density_any(values, options); }

}  // namespace perdita::evaluate
