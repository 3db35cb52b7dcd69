#include "cli/terminal.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <exception>

#include "perdita/core/escape.hpp"

namespace perdita::cli {

namespace {

int first_output_error = 0;

void note_error(std::FILE* out) noexcept {
  if (out == stdout && first_output_error == 0) first_output_error = errno == 0 ? EIO : errno;
}

void write_raw(std::FILE* out, std::string_view text) noexcept {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), out) != text.size()) note_error(out);
}

/// Where the two lines "\n  FORMULA\n   ^" at the end begin; the end where there are none.
std::size_t place_of_formula(std::string_view message) {
  const std::size_t mark = message.rfind('\n');
  if (mark == message.npos || mark == 0 ||
      message.substr(mark + 1).find_first_not_of(' ') != message.size() - mark - 2 || !message.ends_with('^')) {
    return message.size();
  }
  const std::size_t formula = message.rfind('\n', mark - 1);
  return formula == message.npos ? message.size() : formula;
}

}  // namespace

void reserve_standard_streams() {
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free number is this one. The wrong direction, so that using it is an error and not silence.
    if (::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) != descriptor) std::_Exit(1);
  }
}

void write(std::FILE* out, std::string_view text) noexcept {
  try {
    write_raw(out, escape_controls(text, LineBreaks::keep));
  } catch (const std::exception&) {  // no memory for the escaped text
    errno = ENOMEM;
    note_error(out);
  }
}

int output_error() noexcept {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) note_error(stdout);
  return first_output_error;
}

void complain(std::string_view name, std::string_view message) noexcept {
  try {
    const std::size_t place = place_of_formula(message);
    write(stderr,
          fmt::format("{}: error: {}{}\n", name, escape_controls(message.substr(0, place)), message.substr(place)));
  } catch (const std::exception&) {
    for (std::string_view part : {name, std::string_view(": error: not enough memory\n")}) write_raw(stderr, part);
  }
}

std::string wrapped(std::string_view text, std::size_t indent) {
  constexpr std::size_t width = 100;
  std::string result, line(indent, ' ');
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() + word.size() + 1 > width && line.size() > indent) {
      result += line + '\n';
      line.assign(indent, ' ');
    }
    if (line.size() > indent) line += ' ';
    line += word;
  }
  return result + line + '\n';
}

}  // namespace perdita::cli
