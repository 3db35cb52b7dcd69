// All output to the terminal. Names from input files and options cannot inject control sequences.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace perdita::cli {

/// Opens closed descriptors 0 to 2 so that they can be neither read nor written. Otherwise a file opened later would
/// get such a number, and terminal output would be written to it.
void reserve_standard_streams();

/// Writes text with control characters escaped, except for line breaks. Never throws: errors of standard output are
/// returned by output_error(); errors of standard error are ignored.
void write(std::FILE* out, std::string_view text) noexcept;

/// The first error of writing to standard output, or 0. Flushes it.
int output_error() noexcept;

/// To standard output.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  write(stdout, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void say_to(std::FILE* out, fmt::format_string<Args...> format, Args&&... args) {
  write(out, fmt::format(format, std::forward<Args>(args)...));
}

/// The text in lines of at most 100 columns, each indented by that many spaces.
std::string wrapped(std::string_view text, std::size_t indent);

/// Writes "NAME: error: MESSAGE" to standard error. Line breaks in the message are escaped, except before the two lines
/// at its end that mark a place in a formula.
void complain(std::string_view name, std::string_view message) noexcept;

}  // namespace perdita::cli
