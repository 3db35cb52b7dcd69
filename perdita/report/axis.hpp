// Axes of charts: scales, ticks and the frame shared by all kinds of charts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/report/chart.hpp"

namespace perdita::report {

/// One axis: maps values low..high to coordinates from..to.
struct Scale {
  double low, high, from, to;
  bool logarithmic = false;
  bool whole = false;  ///< for integer values such as epochs: no ticks between integers

  double operator()(double value) const;
  /// Whether the value can be shown on the axis.
  bool has(double value) const;
  std::vector<double> ticks(int wanted) const;
};

/// Label of a tick: decimal notation for moderate values, otherwise scientific notation such as 1e-5.
std::string tick_label(double value);

/// A scale for a range of values, extended to full ticks, and to zero if it is close.
Scale scale_around(double low, double high, double from, double to, bool logarithmic);

/// Opens an <svg> with title, description and (in a file) style and background.
std::string open_svg(std::string_view id, std::string_view attributes, int width, int height, std::string_view title,
                     std::string_view description, Placement placement);

/// The axes as attributes of the <svg>, for scripts: low, high, from and to of each.
std::string axes_of(const Scale& x, const Scale& y);

/// Grid, ticks and labels of both axes.
std::string frame(const Scale& x, const Scale& y, std::string_view x_label, std::string_view y_label, bool percent_y);

/// A dashed vertical line with a label in row `row` below the upper edge; empty outside the axis.
std::string marker(double at, const Scale& x, const Scale& y, std::string_view label, int row);

}  // namespace perdita::report
