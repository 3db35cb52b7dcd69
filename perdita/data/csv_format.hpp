// Options of all readers of CSV files: header and separator.
#pragma once

#include <string_view>

namespace perdita::data {

/// Format of a CSV file. docs/data-files.md documents the rules of detection.
struct CsvFormat {
  /// Whether there is a header.
  enum class Header { detect, yes, no };
  Header header = Header::detect;  ///< whether the first line contains the names of the columns
  char separator = '\0';           ///< ',', ';', '\t' or '|'; '\0': detect comma, semicolon or tab
};

/// Parses "detect", "yes" or "no". Throws ValueError that lists the valid values.
CsvFormat::Header parse_csv_header(std::string_view word);

/// Parses "detect", "comma", "semicolon" or "tab". Throws like parse_csv_header().
char parse_csv_separator(std::string_view word);

}  // namespace perdita::data
