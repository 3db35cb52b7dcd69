#include "perdita/evaluate/label_quality.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/suggest.hpp"

namespace perdita::evaluate {

namespace {

constexpr std::array<std::string_view, 3> names{"self_confidence", "normalized_margin", "confidence_weighted_entropy"};

template <class T>
T normalized_margin(const T* p, std::int64_t label, std::int64_t classes) {
  T largest = 0;  // of the other classes
  for (std::int64_t k = 0; k < label; ++k) largest = std::max(largest, p[k]);
  for (std::int64_t k = label + 1; k < classes; ++k) largest = std::max(largest, p[k]);
  return (p[label] - largest + 1) / 2;
}

template <class T>
T confidence_weighted_entropy(const T* p, std::int64_t label, std::int64_t classes) {
  constexpr T least_confidence = T(1e-6);
  T entropy = 0;
  for (std::int64_t k = 0; k < classes; ++k) entropy -= p[k] > 0 ? p[k] * std::log(p[k]) : 0;
  if (!(entropy > 0)) return p[label] > T(0.5) ? 1 : 0;
  const T weighted = entropy / std::log(static_cast<T>(classes)) / std::max(p[label], least_confidence);
  return std::log1p(weighted) / weighted;
}

}  // namespace

std::string_view name_of(QualityScore score) { return names[static_cast<std::size_t>(score)]; }

QualityScore parse_quality_score(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    fail<ValueError>("audit: score is '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
  return static_cast<QualityScore>(found - names.begin());
}

template <class T>
std::vector<T> label_quality(const LabeledProbabilities<T>& data, QualityScore score) {
  std::vector<T> scores(static_cast<std::size_t>(data.rows));
  const auto compute = [&](auto of_row) {
    parallel_for(data.parts, [&](std::int64_t part) {
      for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row)
        scores[static_cast<std::size_t>(row)] = of_row(data.row(row), data.label(row), data.classes);
    });
  };
  switch (score) {
    case QualityScore::self_confidence:
      compute([](const T* p, std::int64_t label, std::int64_t) { return p[label]; });
      break;
    case QualityScore::normalized_margin:
      compute(normalized_margin<T>);
      break;
    case QualityScore::confidence_weighted_entropy:
      compute(confidence_weighted_entropy<T>);
      break;
  }
  return scores;
}

template std::vector<float> label_quality(const LabeledProbabilities<float>&, QualityScore);
template std::vector<double> label_quality(const LabeledProbabilities<double>&, QualityScore);

}  // namespace perdita::evaluate
