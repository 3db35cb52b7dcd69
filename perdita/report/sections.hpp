// What the pages share: their frame, their sections, facts in tiles, figures.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/report/chart.hpp"

namespace perdita::report {

/// From the doctype to the heading; `kind` is "Training run" or the like, `title` is escaped already, `head` are
/// further elements of the <head>. The <header> stays open.
std::string open_page(std::string_view kind, std::string_view title, std::string_view head = "");
/// Footer and script and what closes the page; the <main> is open.
std::string close_page(std::string_view version);

/// A part of a page with a heading of its own. One without a body is left out.
struct Section {
  std::string id, title, body;
};
/// The table of contents, then the sections.
std::string sections(const std::vector<Section>& all);

/// "–" for NaN.
std::string number(double v, int places);
/// One fact of a <dl class="facts">; all three are escaped already.
std::string tile(std::string_view name, std::string_view value, std::string_view detail);

/// A chart as it is on a screen and, smaller, on a telephone: the page shows one of the two.
std::string two_sizes(const LineChart& chart);
std::string two_sizes(const DistributionChart& chart);

/// A chart with what it shows in a sentence; `values` is values_of() of the chart, or empty.
std::string figure(std::string_view svg, std::string_view values, std::string_view caption);

/// A chart on a linear and on a logarithmic axis, and the box that chooses between them; needs no script.
struct TwoScales {
  std::string linear, logarithmic;
  std::string values = {};   ///< values_of() either chart
  std::string control = {};  ///< further controls
  std::string label = "logarithmic axis";
  std::string caption = {};
  bool starts_logarithmic = false;
};
std::string figure(const TwoScales& both);

/// The command that does it again, and the options it stands for.
std::string repeat_section(std::string_view command,
                           const std::vector<std::pair<std::string, std::string>>& configuration);

/// With more classes than this, not every class gets a chart, and the confusion matrix is left out.
inline constexpr std::size_t most_classes_in_detail = 20;

}  // namespace perdita::report
