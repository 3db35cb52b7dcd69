// Progress of a loop: one line that redraws itself on a terminal, a plain line for every tenth elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

namespace perdita::cli {

/// What a line of progress tells.
struct ProgressState {
  std::string_view label = {};  ///< "epoch 2/10"
  std::int64_t done = 0, total = 0;
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not shown
  double seconds = 0.0;                                    ///< since the loop began
};

/// For a terminal: label, bar, done/total, running loss, rate, time left, in at most `width` columns: the bar shrinks
/// first, then what stands at the end goes. `unicode`: the bar is drawn with lines and not with # and dots.
std::string progress_bar(const ProgressState& state, int width, bool unicode);
/// For a log file: the same without bar.
std::string progress_line(const ProgressState& state);

/// A bar that is redrawn, or lines; `detect` draws a bar if the stream is a terminal.
enum class ProgressStyle { detect, bar, lines };

/// Draws on `out`. A bar is redrawn at most ten times a second; lines come about every tenth of the way, but not more
/// often than `spacing`, so that a log of quick loops holds what finish() says of them alone.
/// One instance a loop; update() is cheap enough for every step.
class Progress {
 public:
  /// detect: a bar if `out` is a terminal that can move its cursor (TERM is not "dumb").
  Progress(std::FILE* out, std::string label, std::int64_t total, ProgressStyle style = ProgressStyle::detect,
           std::chrono::milliseconds spacing = std::chrono::seconds(2));
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Wipes the bar if finish() was never called, as in an error: what is printed next stands on a line of its own.
  ~Progress();

  /// `done` of the total are finished. A loss that is NaN is not shown.
  void update(std::int64_t done, double loss = std::numeric_limits<double>::quiet_NaN());
  /// Replaces the bar by `line`, or follows the lines with it; nothing is printed if it is empty.
  void finish(std::string_view line = {});

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const ProgressState& state, Clock::time_point now);

  std::FILE* out_;
  std::string label_;
  std::int64_t total_;
  bool bar_, unicode_, on_screen_ = false;
  std::chrono::milliseconds spacing_;
  Clock::time_point start_ = Clock::now(), drawn_ = start_;
  std::int64_t next_line_;
};

}  // namespace perdita::cli
