// How text is read as a table: the choices that every reader of CSV files offers.
#pragma once

#include <string_view>

namespace perdita::data {

/// Whether there is a header, and the separator. docs/data-files.md has the rules of detection.
struct CsvFormat {
  /// Whether there is a header.
  enum class Header { detect, yes, no };
  Header header = Header::detect;  ///< whether the first line holds the names of the columns
  char separator = '\0';           ///< ',', ';', '\t' or '|'; '\0': detect comma, semicolon or tab
};

/// "detect", "yes" or "no". Throws ValueError that says what it got and what is valid.
CsvFormat::Header parse_csv_header(std::string_view word);

/// "detect", "comma", "semicolon" or "tab". Throws as parse_csv_header().
char parse_csv_separator(std::string_view word);

}  // namespace perdita::data
