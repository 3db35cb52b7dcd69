#include "bench/table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace perdita::bench {

namespace {
std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
/// NaN where a filter left out what the floor is made of.
double floor_of(const Case& line, const Times& times) {
  try {
    return line.floor(times);
  } catch (const std::out_of_range&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

void add_timing(const std::string& name, const std::function<void()>& body) {
  benchmark::RegisterBenchmark(name.c_str(), [body](benchmark::State& state) {
    for (auto _ : state) body();
  })->UseRealTime();
}

void add_case(const Case& line, const std::function<void()>& body) {
  cases().push_back(line);
  add_timing(line.name, body);
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
    seconds_[run.run_name.function_name].push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
  }
}

void TableReporter::Finalize() {
  Times times;
  for (auto& [name, seconds] : seconds_) {
    std::ranges::nth_element(seconds, seconds.begin() + std::ssize(seconds) / 2);
    times[name] = seconds[seconds.size() / 2];
  }
  fmt::print("{:<50} {:>10} {:>9} {:>9} {:>6} {:>6}  {}\n", "", "ms", "ns/elem", "floor ms", "ratio", "target",
             "floor");
  int over = 0;
  for (const Case& line : cases()) {
    const auto found = times.find(line.name);
    if (found == times.end()) continue;
    const double seconds = found->second, floor = floor_of(line, times), ratio = seconds / floor;
    over += ratio > line.target;
    fmt::print("{:<50} {:>10.4f} {:>9.3f} {:>9.4f} {:>6.2f} {:>6.2f}  {}{}\n", line.name, seconds * 1e3,
               seconds * 1e9 / line.elements, floor * 1e3, ratio, line.target, line.against,
               ratio > line.target ? "  OVER" : "");
  }
  fmt::print("{} of {} over their target\n", over, cases().size());
}

}  // namespace perdita::bench
