#include "perdita/evaluate/paired.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {

namespace {

PairedTest test_of(double mean, double variance, double dof) {
  const double error = std::sqrt(variance), half = student_975(dof) * error;
  const double p = mean == 0 ? 1 : student_two_sided(mean / error, dof);
  return {.mean = mean, .interval = {mean - half, mean + half}, .p = p};
}

}  // namespace

std::optional<PairedTest> paired_test(std::span<const double> differences) {
  const Summary s = summarize(differences);
  if (s.count < 2 || s.nonfinite > 0) return std::nullopt;
  return test_of(s.mean, s.standard_error * s.standard_error, static_cast<double>(s.count - 1));
}

std::optional<PairedTest> paired_test_of_groups(std::span<const double> differences,
                                                std::span<const std::int64_t> group,
                                                std::span<const std::int64_t> groups) {
  if (group.size() != differences.size()) {
    fail<ShapeError>("paired_test_of_groups: there are {} groups and {} differences (valid: the same number)",
                     group.size(), differences.size());
  }
  double mean = 0, variance = 0, spread = 0;
  for (const std::int64_t g : groups) {
    std::vector<double> members;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (group[i] == g) members.push_back(differences[i]);
    }
    const Summary s = summarize(members);
    if (s.count < 2 || s.nonfinite > 0) return std::nullopt;
    const double share = 1 / static_cast<double>(groups.size());
    const double of_group = share * share * s.standard_error * s.standard_error;
    mean += share * s.mean;
    variance += of_group;
    spread += of_group * of_group / static_cast<double>(s.count - 1);
  }
  // Without any spread the degrees of freedom do not matter.
  return test_of(mean, variance, spread > 0 ? variance * variance / spread : 1);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, p[order[rank]] * static_cast<double>(p.size() - rank)));
    corrected[order[rank]] = largest;
  }
  return corrected;
}

}  // namespace perdita::evaluate
