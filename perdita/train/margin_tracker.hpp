// What each training sample did over a run, from which wrong labels show.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perdita/functional/loss_options.hpp"
#include "perdita/nn/module.hpp"

namespace perdita::train {

/// One training sample.
struct SampleScore {
  std::int64_t sample = 0;  ///< its place in the training samples
  double aum = 0;  ///< area under the margin: mean of own logit minus best other one, or of the only one, with its sign
  double mean_loss = 0, last_loss = 0;
};

/// Gathers margins and losses of the training samples, as the passes of training give them. Samples with wrong labels
/// have low margins throughout, since what the others teach contradicts them (Pleiss, Zhang, Elenberg, Weinberger:
/// Identifying mislabeled data using the area under the margin ranking, NeurIPS 2020, eq. 1 and 2).
class MarginTracker {
 public:
  explicit MarginTracker(std::int64_t samples = 0);

  /// extras.margins and extras.losses of the samples of a batch. Nothing where there are no margins.
  void add(std::span<const std::int64_t> samples, const LossExtras& extras);
  /// The samples that were visited, lowest AUM first.
  std::vector<SampleScore> ranking() const;
  bool is_empty() const { return visits_.empty(); }

  nn::StateDict state_dict() const;
  /// Throws ValueError for a state that lacks a part, is of another number of samples or holds impossible values.
  void load_state_dict(const nn::StateDict& state);

 private:
  std::int64_t samples_;
  std::vector<double> margins_, losses_, last_;  // sums, and the last loss; empty before the first add()
  std::vector<std::int64_t> visits_;
};

}  // namespace perdita::train
