// Kernel density estimates with Gaussian kernels.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

struct DensityOptions {
  double bandwidth = 0.0;  ///< standard deviation of the Gaussians; 0: Silverman's rule
  int points = 512;        ///< of the curve
  /// For samples that cannot be negative, such as losses: the part of the density below zero is reflected, so that the
  /// curve is not biased near zero (Silverman 1986, section 2.10).
  bool reflect_at_zero = false;
  double low = std::numeric_limits<double>::quiet_NaN();   ///< start of the curve; NaN: 4 bandwidths below the
  double high = std::numeric_limits<double>::quiet_NaN();  ///< minimum (not below 0 if reflected); and end
};

struct Density {
  std::vector<double> x, y;  ///< empty if no value is finite
  double bandwidth = 0.0;
};

/// Silverman's rule of thumb (1986, equation 3.31): 0.9 min(standard deviation, IQR / 1.34) n^(-1/5); by the standard
/// deviation alone if the quartiles coincide. 0 if all values are equal.
double silverman_bandwidth(const Summary& summary);

/// The density of all finite values, including those outside of [low, high]: the whole curve has area one. Values are
/// first distributed to the neighboring points of a grid (linear binning, Wand 1994), so that the time is that of one
/// pass over the sample plus the grid. The bandwidth is at least two steps of the grid, so that no peak falls between
/// points, and at most the range of the curve. Throws ValueError for options out of range.
Density density(std::span<const float> values, const DensityOptions& options = {});
Density density(std::span<const double> values, const DensityOptions& options = {});

}  // namespace perdita::evaluate
