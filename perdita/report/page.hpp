// The fixed parts of a report page: its style and its script.
#pragma once

#include <string_view>

namespace perdita::report {

std::string_view page_css();
/// Redraws the smoothed step curve when the slider moves. Without scripts the page is complete but for that.
std::string_view page_script();

}  // namespace perdita::report
