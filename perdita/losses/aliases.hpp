// Names that other libraries have for losses, for the question what was meant by an unknown one.
#pragma once

#include <string>
#include <string_view>

namespace perdita {

/// The loss that is meant by a name which is not of the list: "l1" for "mae", "MeanAbsoluteError", "reg:absoluteerror"
/// or "L1Loss"; a formula where there is no such loss; otherwise the nearest name; empty for none. Capitals, "_" and
/// "-" do not matter.
std::string meant_loss(std::string_view name);

}  // namespace perdita
