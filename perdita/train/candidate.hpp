// Candidates of a comparison: losses, each with options of training that go with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/train/config.hpp"

namespace perdita::train {

struct Candidate {
  std::string name;  ///< as it was written
  Config config;     ///< the common options, and its own
};

/// "cross_entropy; focal:gamma=1; cross_entropy:weights=balanced,lr=0.01": losses as parse_loss_sum() takes them,
/// separated by semicolons, whose options may also be those of a run (with _ in place of -; weights is class-weights).
/// ldam_drw is ldam with deferred re-weighting as in the paper:
/// ldam:last_layer=cosine,weights=effective_number:0.9999,defer_weights=0.8.
/// Throws ValueError that names the entry, for fewer than two of them, and for one that is there twice.
std::vector<Candidate> parse_candidates(std::string_view text, const Config& common);

}  // namespace perdita::train
