#pragma once

#include <string_view>

namespace perdita {

/// "0.1.0".
std::string_view version();

}  // namespace perdita
