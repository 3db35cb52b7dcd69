// Curves in a terminal.
#pragma once

#include <string>
#include <vector>

namespace perdita::cli {

struct TextChart {
  struct Line {
    char mark;
    std::vector<double> y;
  };
  std::string title, x_label;
  std::vector<double> x;    ///< ascending, evenly spaced
  std::vector<Line> lines;  ///< later ones over earlier ones
  int width = 64, height = 16;
};

/// Numbers that are not finite leave gaps.
std::string text_chart(const TextChart& chart);

}  // namespace perdita::cli
