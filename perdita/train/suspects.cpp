#include "perdita/train/suspects.hpp"

#include "perdita/evaluate/ranking.hpp"

namespace perdita::train {

namespace {

report::Suspects::Found rate(const Problem& problem, const std::vector<report::SampleScore>& ranking) {
  std::vector<bool> is_wrong;
  std::vector<double> aum, mean, last;
  for (const report::SampleScore& score : ranking) {
    const auto at = static_cast<std::size_t>(score.sample);
    is_wrong.push_back(problem.train.labels()[at] != problem.true_labels[at]);
    aum.push_back(-score.aum);
    mean.push_back(score.mean_loss);
    last.push_back(score.last_loss);
  }
  return {evaluate::area_under_roc(aum, is_wrong), evaluate::area_under_roc(mean, is_wrong),
          evaluate::area_under_roc(last, is_wrong)};
}

}  // namespace

std::optional<report::Suspects> find_suspects(const Problem& problem, const report::MarginTracker& tracker) {
  auto suspects = report::find_suspects(tracker);
  if (suspects && !problem.true_labels.empty()) suspects->found = rate(problem, suspects->ranking);
  return suspects;
}

}  // namespace perdita::train
