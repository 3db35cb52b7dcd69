// Names of losses in other libraries, to suggest a loss for an unknown name.
#pragma once

#include <string>
#include <string_view>

namespace perdita {

/// The loss of a name that is not in the list: "l1" for "mae", "MeanAbsoluteError", "reg:absoluteerror"
/// or "L1Loss"; a formula where there is no such loss; otherwise the nearest name; empty for none. Capitals, "_" and
/// "-" do not matter.
std::string meant_loss(std::string_view name);

}  // namespace perdita
