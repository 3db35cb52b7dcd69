// The one way to the terminal: what others named (files, columns, classes, options) cannot steer it.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

namespace perdita::cli {

/// Makes sure that descriptors 0 to 2 are taken, by something that can neither be read nor written, so that no file of
/// ours gets their numbers and then what was meant for the terminal.
void reserve_standard_streams();

/// Writes text of ours: control characters in it are escaped, line breaks are not. Never throws: what goes wrong on
/// standard output is told by output_error(), and what goes wrong on standard error can be told nowhere.
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

/// "NAME: error: MESSAGE" on standard error. Line breaks in the message are escaped, but for those of a place in a
/// formula, which is shown in two lines at its end.
void complain(std::string_view name, std::string_view message) noexcept;

}  // namespace perdita::cli
