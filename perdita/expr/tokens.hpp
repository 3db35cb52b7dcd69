// The words of formulas, and how errors show the place in the text.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"

namespace perdita {

/// "**" has the text "^", "&&" is "&" and "||" is "|".
struct Token {
  enum class Kind { number, name, symbol, end };
  Kind kind;
  std::string_view text;
  std::size_t position;
  double value = 0;
};

/// Cuts a formula into tokens, of which the last is the end. Throws ValueError for what is no number, name or symbol.
std::vector<Token> tokens_of(std::string_view text);

/// The text around `position` in a line of its own, and a mark below it.
std::string shown(std::string_view text, std::size_t position);

template <class... Args>
[[noreturn]] void fail_at(std::string_view text, std::size_t position, fmt::format_string<Args...> message,
                          Args&&... args) {
  throw ValueError(
      fmt::format("formula: {}{}", fmt::format(message, std::forward<Args>(args)...), shown(text, position)));
}

}  // namespace perdita
