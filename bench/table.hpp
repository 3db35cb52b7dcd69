// What is measured and what it is compared with: every case has a floor or a rival, timed in the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace perdita::bench {

/// Median seconds of every benchmark by its name, as Google Benchmark measured them.
using Times = std::map<std::string, double>;

/// A line of the table: `name` is the benchmark; its time over what `floor` gives should be at most `target`.
struct Case {
  std::string name;
  double elements;
  std::function<double(const Times&)> floor;
  double target;
  std::string against;  ///< what the floor is, in words
};

/// Adds a line, and the benchmark that it is about: `body` is timed as a whole.
void add_case(const Case& line, const std::function<void()>& body);
/// A benchmark without a line of its own: what floors are made of.
void add_timing(const std::string& name, const std::function<void()>& body);

/// Collects medians while Google Benchmark runs, and prints the table afterwards.
class TableReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  std::map<std::string, std::vector<double>> seconds_;
};

}  // namespace perdita::bench
