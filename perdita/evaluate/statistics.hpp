// Descriptive statistics of a sample: summary with quantiles, confidence intervals, histogram.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace perdita::evaluate {

/// Statistics of the finite values of a sample; the others are only counted. All are NaN if no value is finite.
struct Summary {
  std::int64_t count = 0;      ///< of finite values
  std::int64_t nonfinite = 0;  ///< NaN and infinities
  double mean;
  double standard_deviation;  ///< with n - 1; NaN for one value
  double standard_error;      ///< of the mean: standard_deviation / sqrt(count)
  double min, lower_quartile, median, upper_quartile, p95, p99, max;
};

/// Quantiles interpolate linearly between order statistics (Hyndman & Fan 1996, type 7: NumPy's default).
/// Sums are computed in a fixed order, so that the result is reproducible.
Summary summarize(std::span<const float> values);
Summary summarize(std::span<const double> values);

/// A confidence interval.
struct Interval {
  double low, high;
};

/// The 97.5 % quantile of Student's t with `dof` degrees of freedom, to within 0.2 %.
double student_975(double dof);

/// The two-sided p value of Student's t.
double student_two_sided(double t, double dof);

/// 95 % confidence interval of a mean by Student's t with count - 1 degrees of freedom; not below 0 for values that are
/// never negative. NaN for fewer than two values.
Interval mean_interval(const Summary& summary, bool never_negative = false);

/// 95 % confidence interval of a proportion of `successes` in `trials` (Wilson 1927). Unlike p +- 1.96 sqrt(p(1-p)/n)
/// it is within [0, 1] and accurate near both ends. Throws ValueError unless 0 <= successes <= trials and trials > 0.
Interval wilson_interval(std::int64_t successes, std::int64_t trials);

/// Options of histogram().
struct HistogramOptions {
  int bins = 0;                                            ///< 0: chosen automatically, see histogram()
  bool logarithmic = false;                                ///< bins of equal ratio; values <= 0 are counted in `below`
  double low = std::numeric_limits<double>::quiet_NaN();   ///< NaN: the least finite (positive, if logarithmic) value
  double high = std::numeric_limits<double>::quiet_NaN();  ///< NaN: the largest
};

/// counts[i] is the number of values in [edges[i], edges[i+1]); the last bin includes its right edge. The sum of
/// counts, below, above and nonfinite is the size of the sample.
struct Histogram {
  std::vector<double> edges;
  std::vector<std::int64_t> counts;
  std::int64_t below = 0, above = 0, nonfinite = 0;
};

/// The automatic number of bins follows Freedman & Diaconis (1981): width 2 IQR / n^(1/3), where the quartiles (of the
/// logarithms, if logarithmic) are those of the values in the range; the square root of n if more than half of the
/// values are equal; always between 1 and 100. Throws ValueError for a range that is not finite or not ascending, or
/// not positive if logarithmic. A range of one point is widened on both sides. Without finite values and range, there
/// is one empty bin.
Histogram histogram(std::span<const float> values, const HistogramOptions& options);
Histogram histogram(std::span<const double> values, const HistogramOptions& options);

}  // namespace perdita::evaluate
