// A comparison: the same task learned several times with different losses, and whether the differences are more than
// luck.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/statistics.hpp"

namespace perdita::evaluate {

struct Metric {
  std::string name;       ///< "balanced_accuracy", as in files
  std::string title;      ///< "balanced accuracy", as in tables
  bool is_share = false;  ///< shown in per cent
  bool more_is_better = false;
  bool is_cost = false;  ///< seconds: told, and not compared
  /// The metric goes with the mean of this column of RunResult::samples, over all samples, or over the means of these
  /// classes; -1: with none.
  int column = -1;
  std::vector<std::int64_t> classes = {};
};

/// The metrics of one training run.
struct RunResult {
  std::uint64_t seed = 0;
  std::vector<double> values = {};   ///< one for each metric; NaN: not known
  std::vector<double> recalls = {};  ///< of the classes of the comparison; empty for numbers
  std::string failure = {};          ///< why there are none
  /// Of a comparison with a single seed: what each test sample says, in columns.
  std::vector<std::vector<float>> samples = {};
};

struct CandidateResults {
  std::string name;  ///< of the loss, with its options
  std::vector<RunResult> runs;
};

struct ComparisonResults {
  std::vector<Metric> metrics;
  std::vector<std::string> class_names;      ///< the class with most training samples first; empty for numbers
  std::vector<CandidateResults> candidates;  ///< the first is what the others are compared with
  std::vector<std::int64_t> labels = {};     ///< of the test samples, where they have classes: places in class_names
};

/// Mean and spread over the seeds that did not fail.
Summary spread_of(const CandidateResults& candidate, std::size_t metric);

/// Of a candidate to the first one.
struct Difference {
  double mean = 0;          ///< over the pairs of runs with the same seed
  Interval interval = {};   ///< 95 %, by Student's t of the pairs' differences
  double p = 1;             ///< corrected for the number of candidates by Holm's method
  bool is_noise = true;     ///< p is 0.05 or more
  bool of_samples = false;  ///< of one pair of runs: the noise is that of the test samples, and not that of training
};
/// Pairs share weights at the start, batches and validation samples, so that what these do to both falls out of the
/// difference. A single pair is compared sample by sample, where its runs have samples for the metric. Nothing where
/// noise cannot be told.
std::optional<Difference> difference(const ComparisonResults& results, std::size_t candidate, std::size_t metric);

/// "84.54 ± 0.13 %", with a * behind a difference to the first candidate that is more than noise; "–" for nothing.
std::string cell(const ComparisonResults& results, std::size_t candidate, std::size_t metric);

/// What the table says and how: a sentence each.
std::vector<std::string> notes(const ComparisonResults& results);

/// The table for a terminal.
std::string comparison_table(const ComparisonResults& results);
/// The table as CSV, a line a run: loss, seed, the metrics.
std::string comparison_csv(const ComparisonResults& results);

}  // namespace perdita::evaluate
