// When the report of a run that is not finished is written again.
#pragma once

#include <chrono>

namespace perdita::report {

/// Reports take at most 2 % of the time: the next one is due when 50 times as long has passed as the last one took.
class ReportPace {
 public:
  /// Calls write() if a report is due; the first one always is.
  template <class Write>
  void maybe(const Write& write) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    if (begin < next_) return;
    write();
    const auto end = Clock::now();
    next_ = end + 50 * (end - begin);
  }

 private:
  std::chrono::steady_clock::time_point next_ = {};
};

}  // namespace perdita::report
