// Loss curves of a run, and their properties.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/evaluate/history.hpp"

namespace perdita::diagnose {

/// The middle value, the upper one of two; NaN without values.
double median(std::vector<double> values);

/// The loss curves of a run, without values that are not finite.
struct LossCurves {
  double start = 0;  ///< the loss before learning: of the first steps
  double worst_step = 0;
  std::vector<double> train, val, lr;  ///< by epoch; val may be empty
  bool has_nonfinite = false;
  std::int64_t nonfinite_epoch = 0;

  explicit LossCurves(const std::vector<evaluate::Record>& history);

  std::size_t epochs() const { return train.size(); }
  double last() const { return train.back(); }
  double least() const;
  /// Mean of the training loss over epochs [begin, end) as shares of the run.
  double mean(double begin, double end) const;
  /// Whether the learning rate was a fifth of its largest, or less, before the half of the run.
  bool was_lowered_early() const;
  /// Whether the loss was still falling when the learning rate was first lowered to a half or less.
  bool fell_until_lowered() const;
  /// Whether the validation loss suggests that more training would help: lowest near the end, and decreasing until
  /// then.
  bool still_improves() const;
  /// How far the loss fell in the last quarter of the run, as a share of the way from its start.
  double late_fall() const;
};

}  // namespace perdita::diagnose
