// The fixed parts of a report page: its style and its script.
#pragma once

#include <string_view>

namespace perdita::report {

std::string_view page_css();
/// Tells the values of a chart under the pointer and to the arrow keys, and smoothes the steps' losses anew when the
/// slider moves. Without scripts the page is complete but for that.
std::string_view page_script();

}  // namespace perdita::report
