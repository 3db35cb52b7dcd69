// What the pages share: their frame, facts in tiles, charts on two scales, the tables of classes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/classification.hpp"

namespace perdita::report {

/// From the doctype to the heading; `title` is escaped already. The <header> stays open.
std::string open_page(std::string_view title);
/// Footer, script and what closes the page; the <main> is open.
std::string close_page(std::string_view version, std::string_view script);

/// "–" for NaN.
std::string number(double v, int places);
/// One fact of a <dl class="facts">; all three are escaped already.
std::string tile(std::string_view name, std::string_view value, std::string_view detail);

/// A chart twice, on a linear and a logarithmic axis, and the box that chooses, checked for the latter; needs no
/// script.
std::string two_scales(const std::string& linear, const std::string& logarithmic, std::string_view control,
                       std::string_view label, std::string_view caption, bool is_checked = false);

/// With more classes than this, charts of each and the confusion matrix are left out.
inline constexpr std::size_t most_classes_in_detail = 20;

/// The table of the classes, and the confusion matrix. One name a class.
std::string class_section(const evaluate::ClassificationScore& score, const std::vector<std::string>& names,
                          double mean_loss);

}  // namespace perdita::report
