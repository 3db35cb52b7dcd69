// The errors of a formula before and after stabilize(), as printed by `perdita check` and `perdita stabilize`.
#pragma once

#include <nlohmann/json.hpp>

#include "perdita/rewriting/stabilize.hpp"

namespace perdita::cli {

/// A table of the bits of error, and the worst inputs.
void print_errors(const Stabilized& found);

/// The errors of value and derivative, one entry per type.
nlohmann::ordered_json json_of_errors(const Stabilized& found);

}  // namespace perdita::cli
