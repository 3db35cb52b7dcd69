#include "perdita/evaluate/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "perdita/evaluate/paired.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {

namespace {

bool is_known(const RunResult& run, std::size_t metric) {
  return run.failure.empty() && metric < run.values.size() && std::isfinite(run.values[metric]);
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

/// Of one run each, sample by sample. Scaled so that the mean is the metric's difference: those of roots and shares of
/// variance are not the differences of the columns' means, but go with them.
std::optional<PairedTest> test_of_samples(const ComparisonResults& results, const RunResult& ours,
                                          const RunResult& first, std::size_t metric) {
  const Metric& of = results.metrics[metric];
  const auto column = static_cast<std::size_t>(of.column);
  if (of.column < 0 || column >= ours.samples.size() || column >= first.samples.size()) return std::nullopt;
  const std::vector<float>&a = ours.samples[column], &b = first.samples[column];
  if (a.size() != b.size()) return std::nullopt;
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i)
    differences.push_back(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  auto test =
      of.classes.empty() ? paired_test(differences) : paired_test_of_groups(differences, results.labels, of.classes);
  if (!test) return std::nullopt;
  const double wanted = ours.values[metric] - first.values[metric];
  const double scale = test->mean == 0 ? 0 : wanted / test->mean;
  const auto [low, high] = std::minmax({scale * test->interval.low, scale * test->interval.high});
  return PairedTest{.mean = wanted, .interval = {low, high}, .p = test->p};
}

/// Not corrected for the number of candidates.
std::optional<Difference> by_itself(const ComparisonResults& results, std::size_t candidate, std::size_t metric) {
  std::vector<double> differences;
  const RunResult *one = nullptr, *other = nullptr;
  for (const RunResult& ours : results.candidates[candidate].runs) {
    for (const RunResult& first : results.candidates.front().runs) {
      if (ours.seed != first.seed || !is_known(ours, metric) || !is_known(first, metric)) continue;
      differences.push_back(ours.values[metric] - first.values[metric]);
      one = &ours, other = &first;
    }
  }
  if (differences.empty()) return std::nullopt;
  const bool of_samples = differences.size() == 1;
  const auto test = of_samples ? test_of_samples(results, *one, *other, metric) : paired_test(differences);
  if (!test) return std::nullopt;
  return Difference{.mean = test->mean, .interval = test->interval, .p = test->p, .of_samples = of_samples};
}

/// Titles of the metrics without a significance test, such as "ECE"; empty if there are none.
std::string not_tested(const ComparisonResults& results) {
  std::string names;
  for (const Metric& metric : results.metrics) {
    if (!metric.is_cost && metric.column < 0) names += fmt::format("{}{}", names.empty() ? "" : ", ", metric.title);
  }
  return names;
}

std::string note_of_samples(const ComparisonResults& results) {
  const std::string others = not_tested(results);
  return fmt::format(
      "* significantly different from {} (paired t-test over the test samples; for means over classes, over the "
      "samples of each class; p < 0.05 with Holm's correction for the number of losses){}. The test does not cover the "
      "variation between training runs; for that use --seeds 3 or more.",
      results.candidates.front().name, others.empty() ? "" : "; not tested: " + others);
}

}  // namespace

Summary spread_of(const CandidateResults& candidate, std::size_t metric) {
  std::vector<double> values;
  for (const RunResult& run : candidate.runs) {
    if (is_known(run, metric)) values.push_back(run.values[metric]);
  }
  return summarize(values);
}

std::optional<Difference> difference(const ComparisonResults& results, std::size_t candidate, std::size_t metric) {
  std::vector<double> all;  // the p values of all candidates, for their number counts
  std::optional<Difference> found;
  std::size_t place = 0;
  for (std::size_t e = 1; e < results.candidates.size(); ++e) {
    const auto compared = by_itself(results, e, metric);
    if (!compared) continue;
    if (e == candidate) found = compared, place = all.size();
    all.push_back(compared->p);
  }
  if (!found) return std::nullopt;
  found->p = holm(all)[place];
  found->is_noise = !(found->p < 0.05);
  return found;
}

std::string cell(const ComparisonResults& results, std::size_t candidate, std::size_t metric) {
  const Summary spread = spread_of(results.candidates[candidate], metric);
  if (spread.count == 0) return "–";
  std::string text = spread_text(results.metrics[metric], spread);
  if (candidate == 0 || results.metrics[metric].is_cost) return text;
  const auto found = difference(results, candidate, metric);
  return found && !found->is_noise ? text + " *" : text;
}

std::vector<std::string> notes(const ComparisonResults& results) {
  std::vector<std::string> all;
  std::size_t seeds = 0;
  bool has_samples = false;
  for (const CandidateResults& candidate : results.candidates) {
    seeds = std::max(seeds, candidate.runs.size());
    for (const RunResult& run : candidate.runs) has_samples |= !run.samples.empty();
  }
  if (seeds > 1) {
    all.push_back(fmt::format("Mean ± standard deviation over {} seeds.", seeds));
    all.push_back(
        fmt::format("* significantly different from {} (paired t-test over the seeds, where runs of the same seed have "
                    "the same initial weights and batches; {} degree{} of freedom, p < 0.05 with Holm's correction for "
                    "the number of losses).",
                    results.candidates.front().name, seeds - 1, seeds == 2 ? "" : "s"));
  } else if (has_samples) {
    all.push_back("One run of each loss.");
    all.push_back(note_of_samples(results));
  } else {
    all.push_back("One seed allows no significance test: use --seeds 3 or more.");
  }
  for (const CandidateResults& candidate : results.candidates) {
    for (const RunResult& run : candidate.runs) {
      if (!run.failure.empty()) {
        all.push_back(fmt::format("{}, seed {}, failed and is excluded: {}", candidate.name, run.seed, run.failure));
      }
    }
  }
  return all;
}

std::string comparison_table(const ComparisonResults& results) {
  std::vector<std::vector<std::string>> rows{{"loss"}};
  for (const Metric& metric : results.metrics) rows[0].push_back(metric.title);
  for (std::size_t e = 0; e < results.candidates.size(); ++e) {
    rows.push_back({printable(results.candidates[e].name)});
    for (std::size_t m = 0; m < results.metrics.size(); ++m) {
      std::string text = cell(results, e, m);
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

std::string comparison_csv(const ComparisonResults& results) {
  std::string text = "loss,seed";
  for (const Metric& metric : results.metrics) text += "," + metric.name;
  text += '\n';
  for (const CandidateResults& candidate : results.candidates) {
    for (const RunResult& run : candidate.runs) {
      text += fmt::format("{},{}", csv_field(candidate.name), run.seed);
      for (std::size_t m = 0; m < results.metrics.size(); ++m) {
        text += is_known(run, m) ? fmt::format(",{}", run.values[m]) : ",";
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace perdita::evaluate
