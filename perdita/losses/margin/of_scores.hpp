// A loss of two scores in the form of kernels::elementwise().
#pragma once

#include "perdita/losses/margin/margin_ranking.hpp"

namespace perdita {

/// MarginRanking of the scores themselves.
struct MarginRankingOfScores {
  MarginRanking loss;
  auto operator()(auto x1, auto x2, auto t) const { return loss(x1 - x2, t); }
};

}  // namespace perdita
