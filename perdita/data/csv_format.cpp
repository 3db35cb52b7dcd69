#include "perdita/data/csv_format.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"

namespace perdita::data {

namespace {

template <std::size_t N>
std::size_t place_of(std::string_view word, const std::array<std::string_view, N>& words) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end())
    fail<ValueError>("got '{}' (valid: {}){}", word, fmt::join(words, ", "), suggestion(word, words));
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace

CsvFormat::Header parse_csv_header(std::string_view word) {
  using Header = CsvFormat::Header;
  constexpr std::array<std::string_view, 3> words{"detect", "yes", "no"};
  return std::array{Header::detect, Header::yes, Header::no}[place_of(word, words)];
}

char parse_csv_separator(std::string_view word) {
  constexpr std::array<std::string_view, 4> words{"detect", "comma", "semicolon", "tab"};
  return std::array{'\0', ',', ';', '\t'}[place_of(word, words)];
}

}  // namespace perdita::data
