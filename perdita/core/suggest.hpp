// Misspelt names: which known one was meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace perdita {

/// The one of `known` that is `name` with a few letters changed; otherwise nothing.
std::string nearest_name(std::string_view name, std::span<const std::string_view> known);

/// "; did you mean 'huber'?" where one of `known` is `name` with a few letters changed; otherwise nothing.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace perdita
