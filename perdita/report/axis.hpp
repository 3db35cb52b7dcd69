// From numbers to places on paper: scales, ticks and the frame that both kinds of chart share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/report/chart.hpp"

namespace perdita::report {

/// One axis: values low..high onto coordinates from..to.
struct Scale {
  double low, high, from, to;
  bool logarithmic = false;
  bool whole = false;  ///< epochs and the like: no ticks between whole numbers

  double operator()(double value) const;
  /// Whether the value has a place on the axis at all.
  bool has(double value) const;
  std::vector<double> ticks(int wanted) const;
};

/// A tick's label: plain for everyday sizes, 1e-5 beyond.
std::string tick_label(double value);

/// A scale around values: widened to whole ticks; from zero if that costs little.
Scale scale_around(double low, double high, double from, double to, bool logarithmic);

/// Opens an <svg> with title, description and (in a file) style and background.
std::string open_svg(std::string_view id, std::string_view attributes, int width, int height, std::string_view title,
                     std::string_view description, Placement placement);

/// The axes as attributes of the <svg>, for scripts: low, high, from and to of each.
std::string axes_of(const Scale& x, const Scale& y);

/// Grid, ticks and labels of both axes.
std::string frame(const Scale& x, const Scale& y, std::string_view x_label, std::string_view y_label, bool percent_y);

/// A dashed vertical line with its label, the `row`th below the upper edge; nothing outside the axis.
std::string marker(double at, const Scale& x, const Scale& y, std::string_view label, int row);

}  // namespace perdita::report
