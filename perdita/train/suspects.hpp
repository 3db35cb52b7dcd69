// Training samples whose labels are probably wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdita/train/margin_tracker.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {

struct Suspects {
  std::vector<SampleScore> ranking;  ///< lowest area under the margin first
  std::int64_t contradicted = 0;     ///< samples whose margin was negative on average
  double doubtful = 0;               ///< share of samples whose margin was below minus the median one
  /// Where labels were made wrong on purpose: how well each score ranks these first, as an area under the ROC curve.
  struct Found {
    double by_aum = 0, by_mean_loss = 0, by_last_loss = 0;
  };
  std::optional<Found> found = {};
};

/// Nothing where the loss tells no margins.
std::optional<Suspects> find_suspects(const Problem& problem, const MarginTracker& tracker);

/// "rank,row,label,aum,mean_loss,last_loss", a line a sample; rows as they stand in the source, from 0.
std::string suspects_csv(const Suspects& suspects, const data::Dataset& samples);

}  // namespace perdita::train
