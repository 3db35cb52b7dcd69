// The fixed parts of a report page: its style and its script.
#pragma once

#include <string_view>

namespace perdita::report {

std::string_view page_css();
/// Shows the values of a chart on hover and with the arrow keys, and smooths the losses of the steps when the slider is
/// moved. All other parts of the page work without scripts.
std::string_view page_script();

}  // namespace perdita::report
