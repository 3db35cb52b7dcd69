// The density of a sample as a smooth curve: a Gaussian at every value.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

struct DensityOptions {
  double bandwidth = 0.0;  ///< the Gaussians' standard deviation; 0: Silverman's rule
  int points = 512;        ///< of the curve
  /// The sample cannot lie below zero (a loss): what the Gaussians put there is folded back, so that the curve does
  /// not sink towards zero where the density does not (Silverman 1986, section 2.10).
  bool reflect_at_zero = false;
  double low = std::numeric_limits<double>::quiet_NaN();   ///< where the curve starts; NaN: 4 bandwidths before the
  double high = std::numeric_limits<double>::quiet_NaN();  ///< least value (not below 0 if reflected), and ends
};

struct Density {
  std::vector<double> x, y;  ///< empty if no value is finite
  double bandwidth = 0.0;
};

/// Silverman's rule of thumb (1986, equation 3.31): 0.9 min(standard deviation, IQR / 1.34) n^(-1/5); by the standard
/// deviation alone where the quartiles coincide. 0 where all values are equal.
double silverman_bandwidth(const Summary& summary);

/// The density over all finite values, also those beyond [low, high]: the whole curve has area one. Values are shared
/// out between neighbouring points of a grid first (linear binning, Wand 1994), so that the time is that of one pass
/// over the sample plus the grid. The bandwidth is at least two steps of the grid, lest a peak falls between points,
/// and at most the range that is drawn. Throws ValueError for options out of range.
Density density(std::span<const float> values, const DensityOptions& options = {});
Density density(std::span<const double> values, const DensityOptions& options = {});

}  // namespace perdita::evaluate
