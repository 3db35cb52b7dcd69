// Training samples whose labels are probably wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "perdita/report/margin_tracker.hpp"

namespace perdita::report {

struct Suspects {
  std::vector<SampleScore> ranking;  ///< lowest area under the margin first
  std::int64_t contradicted = 0;     ///< samples whose margin was negative on average
  double doubtful = 0;               ///< share of samples whose margin was below minus the median one
  /// If labels were made wrong on purpose: how well each score ranks these first, as an area under the ROC curve.
  struct Found {
    double by_aum = 0, by_mean_loss = 0, by_last_loss = 0;
  };
  std::optional<Found> found = {};
};

/// Nothing if the tracker has no margins.
std::optional<Suspects> find_suspects(const MarginTracker& tracker);

/// "rank,row,label,aum,mean_loss,last_loss", one line per sample. `labels` has one class index per training sample, or
/// none if they are unknown (an index of -1 likewise); `rows` has the row of each in the source, counted from 0, or
/// none: as they are numbered here. Fields without a value are empty.
std::string suspects_csv(const Suspects& suspects, std::span<const std::int64_t> labels,
                         std::span<const std::int64_t> rows = {});

}  // namespace perdita::report
