#include "perdita/report/suspects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace perdita::report {

std::optional<Suspects> find_suspects(const MarginTracker& tracker) {
  if (!tracker.has_margins()) return std::nullopt;
  Suspects suspects{.ranking = tracker.ranking()};
  if (suspects.ranking.empty()) return std::nullopt;  // every sample was ignored
  suspects.contradicted =
      std::ranges::count_if(suspects.ranking, [](const SampleScore& score) { return score.aum < 0; });
  if (const double usual = suspects.ranking[suspects.ranking.size() / 2].aum; usual > 0) {
    const auto doubtful =
        std::ranges::count_if(suspects.ranking, [=](const SampleScore& score) { return score.aum < -usual; });
    suspects.doubtful = static_cast<double>(doubtful) / static_cast<double>(suspects.ranking.size());
  }
  return suspects;
}

std::string suspects_csv(const Suspects& suspects, std::span<const std::int64_t> labels,
                         std::span<const std::int64_t> rows) {
  std::string text = "rank,row,label,aum,mean_loss,last_loss\n";
  std::int64_t rank = 0;
  for (const SampleScore& score : suspects.ranking) {
    const auto at = static_cast<std::size_t>(score.sample);
    const std::int64_t label = at < labels.size() ? labels[at] : -1;
    text += fmt::format("{},{},{},{:.6g},{:.6g},{}\n", ++rank, rows.empty() ? score.sample : rows[at],
                        label < 0 ? "" : fmt::format("{}", label), score.aum, score.mean_loss,
                        std::isnan(score.last_loss) ? "" : fmt::format("{:.6g}", score.last_loss));
  }
  return text;
}

}  // namespace perdita::report
