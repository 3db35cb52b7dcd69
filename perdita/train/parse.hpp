// Values of options as text: numbers in a range, yes or no, lists. Each throws ValueError that says what is valid.
#pragma once

#include <fmt/ranges.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/losses/info.hpp"

namespace perdita::train {

double parse_number(std::string_view text, const Interval& valid = reals);
std::int64_t parse_count(std::string_view text, std::int64_t least, std::int64_t most);
std::uint64_t parse_seed(std::string_view text);
bool parse_bool(std::string_view text);
/// "256,128", or "none" for an empty list.
std::vector<std::int64_t> parse_sizes(std::string_view text);

/// A value that an option may have, by name.
template <class T>
struct Choice {
  std::string_view name;
  T value;
};
/// The value of that name; the message lists all names, with `separator` between them.
template <class T, std::size_t count>
T parse_choice(std::string_view text, const std::array<Choice<T>, count>& choices, std::string_view separator = ", ") {
  std::vector<std::string_view> names;
  for (const Choice<T>& choice : choices) {
    if (choice.name == text) return choice.value;
    names.push_back(choice.name);
  }
  fail<ValueError>("got '{}' (valid: {}){}", text, fmt::join(names, separator), suggestion(text, names));
}
/// The name of a value. Throws ValueError for one that is not among the choices.
template <class T, std::size_t count>
std::string_view name_of_choice(const T& value, const std::array<Choice<T>, count>& choices) {
  for (const Choice<T>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  fail<ValueError>("an option has a value without a name (valid: one of {} choices)", count);
}

}  // namespace perdita::train
