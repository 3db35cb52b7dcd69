// Values of options as text: numbers in a range, yes or no, lists. Each throws ValueError that says what is valid.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "perdita/losses/info.hpp"

namespace perdita::train {

double parse_number(std::string_view text, const Interval& valid = reals);
std::int64_t parse_count(std::string_view text, std::int64_t least, std::int64_t most);
std::uint64_t parse_seed(std::string_view text);
bool parse_bool(std::string_view text);
/// "256,128", or "none" for an empty list.
std::vector<std::int64_t> parse_sizes(std::string_view text);

}  // namespace perdita::train
