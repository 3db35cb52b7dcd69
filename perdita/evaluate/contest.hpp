// A contest: the same task learned several times with different losses, and whether the differences are more than luck.
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
};

/// One training run under a common yardstick.
struct Trial {
  std::uint64_t seed = 0;
  std::vector<double> values = {};   ///< one for each metric; NaN: not known
  std::vector<double> recalls = {};  ///< of the classes of the contest; empty for numbers
  std::string failure = {};     ///< why there are none
};

struct Entry {
  std::string name;  ///< of the loss, with its options
  std::vector<Trial> trials;
};

struct Contest {
  std::vector<Metric> metrics;
  std::vector<std::string> class_names;  ///< the class with most training samples first; empty for numbers
  std::vector<Entry> entries;            ///< the first is what the others are compared with
};

/// Mean and spread over the seeds that did not fail.
Summary spread_of(const Entry& entry, std::size_t metric);

/// Of an entry to the first one.
struct Difference {
  double mean = 0;         ///< over the pairs of runs with the same seed
  Interval interval = {};  ///< 95 %, by Student's t of the pairs' differences
  bool is_noise = true;    ///< the interval contains 0
};
/// Nothing for fewer than two pairs, where noise cannot be told. Pairs share weights at the start, batches and
/// validation samples, so that what these do to both falls out of the difference.
std::optional<Difference> difference(const Contest& contest, std::size_t entry, std::size_t metric);

/// "84.54 ± 0.13 %", with a * behind a difference to the first entry that is more than noise; "–" for nothing.
std::string cell(const Contest& contest, std::size_t entry, std::size_t metric);

/// What the table says and how: a sentence each.
std::vector<std::string> notes(const Contest& contest);

/// The table for a terminal.
std::string contest_table(const Contest& contest);
/// The table as CSV, a line a run: loss, seed, the metrics.
std::string contest_csv(const Contest& contest);

}  // namespace perdita::evaluate
