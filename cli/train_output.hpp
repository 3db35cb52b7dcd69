// What `perdita train` prints while it runs and at its end.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "cli/progress.hpp"
#include "perdita/train/run.hpp"

namespace perdita::cli {

/// Draws steps and epochs: a bar on a terminal, lines elsewhere.
class TrainOutput {
 public:
  TrainOutput(const train::Run& run, std::FILE* out) : run_(run), out_(out) {}

  /// What is trained on what.
  void begin();
  void step(const train::StepReport& at);
  void epoch(const train::EpochReport& report);
  /// Clears what is half drawn.
  void stop() { progress_.reset(); }

 private:
  const train::Run& run_;
  std::FILE* out_;
  std::optional<Progress> progress_;
};

/// Losses, accuracy and tables for people.
void print_result(const train::Run& run, const std::optional<train::TestResult>& result);
/// The same as one JSON object.
void print_result_json(const train::Run& run, const std::optional<train::TestResult>& result);

}  // namespace perdita::cli
