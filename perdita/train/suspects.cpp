#include "perdita/train/suspects.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "perdita/evaluate/ranking.hpp"

namespace perdita::train {

namespace {

Suspects::Found rate(const Problem& problem, const std::vector<SampleScore>& ranking) {
  std::vector<bool> is_wrong;
  std::vector<double> aum, mean, last;
  for (const SampleScore& score : ranking) {
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

std::optional<Suspects> find_suspects(const Problem& problem, const MarginTracker& tracker) {
  if (tracker.is_empty()) return std::nullopt;
  Suspects suspects{.ranking = tracker.ranking()};
  if (suspects.ranking.empty()) return std::nullopt;  // every sample was ignored
  suspects.contradicted =
      std::ranges::count_if(suspects.ranking, [](const SampleScore& score) { return score.aum < 0; });
  if (const double usual = suspects.ranking[suspects.ranking.size() / 2].aum; usual > 0) {
    const auto doubtful =
        std::ranges::count_if(suspects.ranking, [=](const SampleScore& score) { return score.aum < -usual; });
    suspects.doubtful = static_cast<double>(doubtful) / static_cast<double>(suspects.ranking.size());
  }
  if (!problem.true_labels.empty()) suspects.found = rate(problem, suspects.ranking);
  return suspects;
}

std::string suspects_csv(const Suspects& suspects, const data::Dataset& samples) {
  std::string text = "rank,row,label,aum,mean_loss,last_loss\n";
  std::int64_t rank = 0;
  for (const SampleScore& score : suspects.ranking) {
    const auto at = static_cast<std::size_t>(score.sample);
    text +=
        fmt::format("{},{},{},{:.6g},{:.6g},{:.6g}\n", ++rank, samples.rows.empty() ? score.sample : samples.rows[at],
                    samples.labels()[at], score.aum, score.mean_loss, score.last_loss);
  }
  return text;
}

}  // namespace perdita::train
