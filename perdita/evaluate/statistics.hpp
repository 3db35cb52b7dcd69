// What a sample of numbers looks like: its summary with quantiles, intervals, and its histogram.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace perdita::evaluate {

/// Of the finite values of a sample; the others are only counted. Everything is NaN when none is finite.
struct Summary {
  std::int64_t count = 0;      ///< of finite values
  std::int64_t nonfinite = 0;  ///< NaN and infinities
  double mean;
  double standard_deviation;  ///< with n - 1; NaN for one value
  double standard_error;      ///< of the mean: standard_deviation / sqrt(count)
  double min, lower_quartile, median, upper_quartile, p95, p99, max;
};

/// Quantiles interpolate linearly between order statistics (Hyndman & Fan 1996, type 7: NumPy's default).
/// Sums are taken in a fixed order: the same sample gives the same bits.
Summary summarize(std::span<const float> values);
Summary summarize(std::span<const double> values);

/// An interval of confidence.
struct Interval {
  double low, high;
};

/// Student's t at 97.5 %, for `dof` degrees of freedom: within 0.2 %.
double student_975(double dof);

/// The probability that Student's t is further from 0 than `t`, to both sides.
double student_two_sided(double t, double dof);

/// 95 % for a mean, by Student's t with count - 1 degrees of freedom; not below 0 for values that are never
/// negative. NaN for fewer than two values.
Interval mean_interval(const Summary& summary, bool never_negative = false);

/// 95 % for a share of `successes` in `trials` (Wilson 1927): unlike the textbook's p +- 1.96 sqrt(p(1-p)/n) it stays
/// within [0, 1] and is right near both ends. Throws ValueError unless 0 <= successes <= trials and trials > 0.
Interval wilson_interval(std::int64_t successes, std::int64_t trials);

/// Options of histogram().
struct HistogramOptions {
  int bins = 0;                                            ///< 0: by rule, see histogram()
  bool logarithmic = false;                                ///< bins of equal ratio; values <= 0 are counted in `below`
  double low = std::numeric_limits<double>::quiet_NaN();   ///< NaN: the least finite (positive, if logarithmic) value
  double high = std::numeric_limits<double>::quiet_NaN();  ///< NaN: the largest
};

/// counts[i] values in [edges[i], edges[i+1]); the last bin includes its right edge. Counts, below, above and
/// nonfinite add up to the size of the sample.
struct Histogram {
  std::vector<double> edges;
  std::vector<std::int64_t> counts;
  std::int64_t below = 0, above = 0, nonfinite = 0;
};

/// The number of bins is Freedman & Diaconis' (1981): width 2 IQR / n^(1/3), where the quartiles (of the logarithms,
/// if logarithmic) are those of the values in the range; the square root of n where more than half of the values are
/// equal; and between 1 and 100 in any case. Throws ValueError for a range that is not finite or ends before
/// it starts, or is not positive though logarithmic. A range of one point is widened to both sides. No finite value
/// and no range given: one empty bin.
Histogram histogram(std::span<const float> values, const HistogramOptions& options);
Histogram histogram(std::span<const double> values, const HistogramOptions& options);

}  // namespace perdita::evaluate
