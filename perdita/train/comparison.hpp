// Comparison: every candidate trained under every seed, in a folder that it can be resumed from.
//
//   comparison.json   the candidates, the common options, and the results so far
//   comparison.csv    the results, a line a run
//   report.html       and the charts results and recall, as the option charts says
//   runs/             a folder for each run, as `perdita train` leaves it
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/comparison.hpp"
#include "perdita/report/folder.hpp"
#include "perdita/train/candidate.hpp"
#include "perdita/train/run.hpp"

namespace perdita::train {

/// What is compared. Candidate c under seed s trains with common.seed + s, from the same weights and on the same
/// batches as the others under s.
struct ComparisonPlan {
  std::string losses;  ///< as parse_candidates() takes them
  std::int64_t seeds = 3;
  Config common;  ///< without a loss
};

struct ComparisonEvents {
  /// A run begins (number counted from 0), goes on after an interruption at `epoch`, or begins anew.
  std::function<void(std::int64_t run, const Run&)> on_run = {};
  std::function<void(const EpochReport&)> on_epoch = {};
  std::function<void(std::int64_t run, const evaluate::RunResult&)> on_result = {};
  std::function<bool()> should_stop = {};
};

class Comparison {
 public:
  /// A new one in `folder`, which is made here; a comparison that is there is replaced once the first epoch of the new
  /// one is on the disk. Prepares every candidate once,
  /// so that what does not fit is found before anything is trained. Throws as parse_candidates() and prepare(),
  /// ValueError where the data leave no test samples, FileError when the folder holds anything but a comparison.
  Comparison(ComparisonPlan plan, const std::filesystem::path& folder);
  /// Goes on with the one in `folder`. Throws FileError when there is none, DataError when it is damaged.
  static Comparison resume(const std::filesystem::path& folder);

  /// Trains what is not done yet; false if should_stop() ended it. A run that diverges is a result, too.
  bool run(const ComparisonEvents& events);
  /// Writes the table and the report.
  void finish() const;

  std::int64_t runs() const { return std::ssize(candidates_) * plan_.seeds; }
  std::int64_t runs_done() const;
  const ComparisonPlan& plan() const { return plan_; }
  const evaluate::ComparisonResults& results() const { return results_; }
  /// What prepare() warns of, with the candidate's name.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Lines on the columns of a table.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::filesystem::path& path() const { return folder_->path(); }
  /// Whether the folder still holds the comparison that this one is to replace.
  bool keeps_old_comparison() const { return folder_->is_staged(); }

 private:
  /// Without a folder.
  explicit Comparison(ComparisonPlan plan);
  bool replace_old(std::int64_t number, const ComparisonEvents& events);
  Run open(std::int64_t number) const;
  std::filesystem::path path_of(std::int64_t number) const;
  const Candidate& candidate_of(std::int64_t number) const;
  std::uint64_t seed_of(std::int64_t number) const;
  bool is_done(std::int64_t number) const;
  void save() const;

  ComparisonPlan plan_;
  std::optional<report::Folder> folder_;
  std::vector<Candidate> candidates_;
  evaluate::ComparisonResults results_;
  std::vector<std::string> warnings_, notes_;
};

}  // namespace perdita::train
