#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "perdita/evaluate/text.hpp"

namespace perdita::cli {
namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);

double share_of(const ProgressState& state) {
  if (state.total <= 0) return 0.0;
  return std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
}

/// What follows the bar, most important first.
std::vector<std::string> facts(const ProgressState& state) {
  std::vector<std::string> all{fmt::format("{}/{}", state.done, state.total)};
  if (!std::isnan(state.loss)) all.push_back(fmt::format("loss {:.4f}", state.loss));
  if (state.done > 0 && state.seconds > 0.0) {
    const double rate = static_cast<double>(state.done) / state.seconds;
    if (state.done < state.total) {
      all.push_back(evaluate::format_duration(static_cast<double>(state.total - state.done) / rate) + " left");
    }
    all.push_back(evaluate::format_number(rate) + "/s");
  }
  return all;
}

std::string drawn_bar(double share, int cells, bool unicode) {
  const int halves = static_cast<int>(std::floor(share * 2 * cells));
  std::string bar;
  for (int cell = 0; cell < cells; ++cell) {
    const int filled = std::clamp(halves - 2 * cell, 0, 2);
    if (unicode) {
      bar += filled == 2 ? "━" : filled == 1 ? "╸" : "─";
    } else {
      bar += filled == 2 ? '#' : '.';
    }
  }
  return bar;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);  // the first that is set decides (POSIX)
    return locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

bool can_redraw(std::FILE* out) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(::fileno(out)) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

int width_of(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_bar(const ProgressState& state, int width, bool unicode) {
  constexpr int widest = 40, narrowest = 10;
  std::string label = evaluate::printable(state.label);
  std::vector<std::string> parts = facts(state);
  const auto room_for_bar = [&] {
    int used = static_cast<int>(evaluate::display_width(label)) + 1;
    for (const std::string& part : parts) used += static_cast<int>(part.size()) + 2;
    return width - used;
  };
  while (parts.size() > 1 && room_for_bar() < narrowest) parts.pop_back();
  std::string line = label;
  const int cells = std::min(widest, room_for_bar());
  if (cells >= narrowest)
    line += fmt::format("{}{}", line.empty() ? "" : " ", drawn_bar(share_of(state), cells, unicode));
  for (const std::string& part : parts) line += fmt::format("{}{}", line.empty() ? "" : "  ", part);
  if (static_cast<int>(evaluate::display_width(line)) <= width) return line;
  return parts.front().substr(0, static_cast<std::size_t>(std::max(width, 0)));
}

std::string progress_line(const ProgressState& state) {
  std::string line = evaluate::printable(state.label);
  line += fmt::format("{}{:3.0f} %", line.empty() ? "" : "  ", std::floor(100 * share_of(state)));
  for (const std::string& part : facts(state)) line += "  " + part;
  return line;
}

Progress::Progress(std::FILE* out, std::string label, std::int64_t total, ProgressStyle style,
                   std::chrono::milliseconds spacing)
    : out_(out),
      label_(std::move(label)),
      total_(total),
      bar_(style == ProgressStyle::bar || (style == ProgressStyle::detect && can_redraw(out))),
      unicode_(locale_is_utf8()),
      spacing_(bar_ ? redraw_interval : spacing),
      next_line_(std::max<std::int64_t>(1, total / 10)) {}

Progress::~Progress() { finish(); }

void Progress::update(std::int64_t done, double loss) {
  const bool due = bar_ || done >= next_line_;
  if (!due) return;
  const auto now = Clock::now();
  const bool must = bar_ && (!on_screen_ || done == total_);
  if (!must && now - drawn_ < spacing_) return;
  draw({label_, done, total_, loss, std::chrono::duration<double>(now - start_).count()}, now);
}

void Progress::draw(const ProgressState& state, Clock::time_point now) {
  if (bar_) {
    // One column stays free: a terminal that wraps in its last one would scroll.
    const std::string text = fmt::format("\r{}\x1b[K", progress_bar(state, width_of(out_) - 1, unicode_));
    std::fwrite(text.data(), 1, text.size(), out_);
    on_screen_ = true;
  } else {
    const std::string text = progress_line(state) + "\n";
    std::fwrite(text.data(), 1, text.size(), out_);
    const std::int64_t tenth = std::max<std::int64_t>(1, total_ / 10);
    next_line_ = (state.done / tenth + 1) * tenth;
    if (state.done < total_) next_line_ = std::min(next_line_, total_);
  }
  drawn_ = now;
  std::fflush(out_);
}

void Progress::finish(std::string_view line) {
  if (on_screen_) std::fputs("\r\x1b[K", out_);
  on_screen_ = false;
  if (!line.empty()) {
    std::fwrite(line.data(), 1, line.size(), out_);
    std::fputc('\n', out_);
  }
  std::fflush(out_);
}

}  // namespace perdita::cli
