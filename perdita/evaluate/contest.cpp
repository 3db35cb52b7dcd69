#include "perdita/evaluate/contest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {

namespace {

bool is_known(const Trial& trial, std::size_t metric) {
  return trial.failure.empty() && metric < trial.values.size() && std::isfinite(trial.values[metric]);
}

std::string spread_text(const Metric& metric, const Summary& spread) {
  const bool is_single = spread.count < 2;
  if (metric.is_share) {
    return is_single ? fmt::format("{:.2f} %", 100 * spread.mean)
                     : fmt::format("{:.2f} ± {:.2f} %", 100 * spread.mean, 100 * spread.standard_deviation);
  }
  return is_single ? format_number(spread.mean)
                   : fmt::format("{} ± {:.2g}", format_number(spread.mean), spread.standard_deviation);
}

/// A field of RFC 4180.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

}  // namespace

Summary spread_of(const Entry& entry, std::size_t metric) {
  std::vector<double> values;
  for (const Trial& trial : entry.trials) {
    if (is_known(trial, metric)) values.push_back(trial.values[metric]);
  }
  return summarize(values);
}

std::optional<Difference> difference(const Contest& contest, std::size_t entry, std::size_t metric) {
  std::vector<double> differences;
  for (const Trial& ours : contest.entries[entry].trials) {
    for (const Trial& first : contest.entries.front().trials) {
      if (ours.seed != first.seed || !is_known(ours, metric) || !is_known(first, metric)) continue;
      differences.push_back(ours.values[metric] - first.values[metric]);
    }
  }
  if (differences.size() < 2) return std::nullopt;
  const Summary summary = summarize(differences);
  const Interval interval = mean_interval(summary);
  return Difference{summary.mean, interval, interval.low <= 0 && interval.high >= 0};
}

std::string cell(const Contest& contest, std::size_t entry, std::size_t metric) {
  const Summary spread = spread_of(contest.entries[entry], metric);
  if (spread.count == 0) return "–";
  std::string text = spread_text(contest.metrics[metric], spread);
  if (entry == 0 || contest.metrics[metric].is_cost) return text;
  const auto found = difference(contest, entry, metric);
  return found && !found->is_noise ? text + " *" : text;
}

std::vector<std::string> notes(const Contest& contest) {
  std::vector<std::string> all;
  std::size_t seeds = 0;
  for (const Entry& entry : contest.entries) seeds = std::max(seeds, entry.trials.size());
  if (seeds > 1) {
    all.push_back(fmt::format("Mean ± standard deviation over {} seeds.", seeds));
    all.push_back(
        fmt::format("* differs from {} by more than noise: the 95 % interval of the differences between runs of one "
                    "seed, which began with the same weights and saw the same batches, leaves out 0 (Student's t, {} "
                    "degrees of freedom; each difference is judged by itself).",
                    contest.entries.front().name, seeds - 1));
  } else {
    all.push_back("One seed tells nothing of noise: compare with --seeds 3 or more.");
  }
  for (const Entry& entry : contest.entries) {
    for (const Trial& trial : entry.trials) {
      if (!trial.failure.empty()) {
        all.push_back(fmt::format("{}, seed {}, failed and is left out: {}", entry.name, trial.seed, trial.failure));
      }
    }
  }
  return all;
}

std::string contest_table(const Contest& contest) {
  std::vector<std::vector<std::string>> rows{{"loss"}};
  for (const Metric& metric : contest.metrics) rows[0].push_back(metric.title);
  for (std::size_t e = 0; e < contest.entries.size(); ++e) {
    rows.push_back({printable(contest.entries[e].name)});
    for (std::size_t m = 0; m < contest.metrics.size(); ++m) {
      std::string text = cell(contest, e, m);
      rows.back().push_back(text.ends_with('*') ? text : text + "  ");
    }
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      std::size_t width = 0;
      for (const auto& other : rows)
        width = std::max(width, display_width(other[c]) + (&other == &rows[0] && c ? 2 : 0));
      const std::string shown = &row == &rows[0] && c ? row[c] + "  " : row[c];
      const std::string gap(width - display_width(shown), ' ');
      text += c == 0 ? shown + gap : "  " + gap + shown;
    }
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  }
  return text;
}

std::string contest_csv(const Contest& contest) {
  std::string text = "loss,seed";
  for (const Metric& metric : contest.metrics) text += "," + metric.name;
  text += '\n';
  for (const Entry& entry : contest.entries) {
    for (const Trial& trial : entry.trials) {
      text += fmt::format("{},{}", csv_field(entry.name), trial.seed);
      for (std::size_t m = 0; m < contest.metrics.size(); ++m) {
        text += is_known(trial, m) ? fmt::format(",{}", trial.values[m]) : ",";
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace perdita::evaluate
