// Cuts CSV text into fields, and reads the numbers in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perdita::data::detail {

/// One field, without the spaces around it. `text` points into the scanned text.
struct CsvField {
  std::string_view text;
  std::size_t line = 0;      // where it begins, from 1
  bool quoted = false;       // text is what stood between quotes, with doubled quotes still doubled
  bool ends_record = false;  // the last one of its line

  /// The content: doubled quotes made single.
  std::string value() const;
};

class CsvScanner {
 public:
  /// `first_line`: the number of the line with which `text`, a whole file or a later piece of it, begins.
  CsvScanner(std::string_view text, char separator, std::string_view file, std::size_t first_line = 1);

  /// Skips blank lines; false at the end of the text, otherwise next() may be called.
  bool at_record();
  /// The next field, up to and with its separator or line end. Throws DataError for a quote that is not closed or is
  /// followed by more text.
  CsvField next();
  /// The number of the line that comes next.
  std::size_t line() const { return line_; }

 private:
  bool is_space(char c) const { return (c == ' ' || c == '\t') && c != separator_; }
  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }
  void take_line_end();
  void quoted(CsvField& field);
  void plain(CsvField& field);

  const char* at_;
  const char* end_;
  std::size_t line_;
  char separator_;
  std::string_view file_;
};

/// The index that the whole text is; it may be negative.
std::optional<std::int64_t> parse_index(std::string_view text);

enum class NumberStatus { ok, missing, not_a_number, not_finite, too_large };

/// The whole text as a number, whatever the locale. Numbers too small for the type become the nearest one, perhaps 0.
/// An empty text, NaN, NA, N/A, #N/A, <NA>, null and ? are missing values.
NumberStatus parse_number(std::string_view text, float& number);
NumberStatus parse_number(std::string_view text, double& number);

}  // namespace perdita::data::detail
