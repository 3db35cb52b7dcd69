// Formatting for the terminal: names from data without control characters, display widths, numbers and durations.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perdita::evaluate {

/// UTF-8 text for one line of a terminal: control characters and invalid sequences become U+FFFD, so that a class name
/// can neither break a table nor control the terminal.
std::string printable(std::string_view text);

/// Display width of UTF-8 text in columns: one per character, none for combining marks, two for East Asian wide ones.
std::size_t display_width(std::string_view utf8);

/// Up to four significant digits without trailing zeros: 0.3187, 12.3, 1.2e-05, 60,000; "nan", "inf".
std::string format_number(double value);

/// Digits in groups of three: 60,000.
std::string format_count(long long value);

/// 0.8 s, 12 s, 3 min 05 s, 2 h 07 min, 3 d 4 h.
std::string format_duration(double seconds);

/// The text as a field of a CSV file (RFC 4180): in quotes if it contains a comma, a quote or a line break.
std::string csv_field(std::string_view text);

}  // namespace perdita::evaluate
