#include "perdita/train/parse.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/losses/any.hpp"

namespace perdita::train {

namespace {

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stopped == end ? std::optional(value) : std::nullopt;
}

}  // namespace

double parse_number(std::string_view text, const Interval& valid) {
  const auto value = parse_whole<double>(text);
  if (!value || !std::isfinite(*value) || !valid.contains(*value)) {
    fail<ValueError>("got '{}' (valid: {})", text, to_string(valid));
  }
  return *value;
}

std::int64_t parse_count(std::string_view text, std::int64_t least, std::int64_t most) {
  const auto value = parse_whole<std::int64_t>(text);
  if (!value || *value < least || *value > most) {
    fail<ValueError>("got '{}' (valid: a whole number, {}..{})", text, least, most);
  }
  return *value;
}

std::uint64_t parse_seed(std::string_view text) {
  const auto value = parse_whole<std::uint64_t>(text);
  if (!value) fail<ValueError>("got '{}' (valid: a whole number, 0..2^64-1)", text);
  return *value;
}

bool parse_bool(std::string_view text) {
  for (std::string_view yes : {"yes", "true", "1", "on"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"no", "false", "0", "off"}) {
    if (text == no) return false;
  }
  fail<ValueError>("got '{}' (valid: yes, no)", text);
}

std::vector<std::int64_t> parse_sizes(std::string_view text) {
  std::vector<std::int64_t> sizes;
  if (text == "none") return sizes;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto size = parse_whole<std::int64_t>(text.substr(begin, end - begin));
    if (!size || *size < 1 || *size > 1'000'000) {
      fail<ValueError>("got '{}' (valid: layer sizes such as 256 or 256,128, or none for a linear model)", text);
    }
    sizes.push_back(*size);
    begin = end + 1;
  }
  return sizes;
}

}  // namespace perdita::train
