#include "perdita/data/class_weights.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"

namespace perdita::data {

namespace {

constexpr std::array<std::string_view, 4> names{"balanced", "inverse", "inverse_sqrt", "effective_number"};
constexpr double unlimited = std::numeric_limits<double>::infinity();

std::string_view name_in(std::string_view text) { return text.substr(0, text.find_first_of(":,")); }

double number_in(std::string_view text, std::string_view option, std::string_view valid) {
  double value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stopped != text.data() + text.size()) {
    fail<ValueError>("class weights: {} is '{}' (valid: {})", option, text, valid);
  }
  return value;
}

constexpr std::string_view valid_beta = "0 or more, below 1; its limit 1 is called inverse";
constexpr std::string_view valid_cap = "1 or more";

void check(const WeightScheme& scheme) {
  if (!(scheme.beta >= 0 && scheme.beta < 1)) {
    fail<ValueError>("class weights: beta is {} (valid: {})", scheme.beta, valid_beta);
  }
  if (!(scheme.cap >= 1)) fail<ValueError>("class weights: cap is {} (valid: {})", scheme.cap, valid_cap);
}

void set_option(WeightScheme& scheme, std::string_view text) {
  const auto takes_beta = scheme.kind == Weighting::effective_number;
  if (text.starts_with("cap=")) {
    scheme.cap = number_in(text.substr(4), "cap", valid_cap);
  } else if (takes_beta && text.starts_with("beta=")) {
    scheme.beta = number_in(text.substr(5), "beta", valid_beta);
  } else if (takes_beta && text.find('=') == std::string_view::npos) {
    scheme.beta = number_in(text, "beta", valid_beta);
  } else {
    fail<ValueError>("class weights: unknown option '{}' of {} (valid: {}cap=R)", text,
                     names[static_cast<std::size_t>(scheme.kind)], takes_beta ? "beta=B, " : "");
  }
}

void check_counts(std::string_view what, std::span<const std::int64_t> counts) {
  for (std::size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] < 0) fail<ValueError>("{}: count[{}] is {} (valid: 0 or more)", what, c, counts[c]);
  }
}

/// Up to a factor. 1 - beta^n = -expm1(n log beta) does not cancel for beta near 1, where log1p gives log beta exactly:
/// beta - 1 is exact for beta above 1/2.
double raw_weight(double count, const WeightScheme& scheme) {
  switch (scheme.kind) {
    case Weighting::balanced:
    case Weighting::inverse:
      return 1 / count;
    case Weighting::inverse_sqrt:
      return 1 / std::sqrt(count);
    case Weighting::effective_number: {
      const double log_beta = std::log1p(scheme.beta - 1);
      return std::expm1(log_beta) / std::expm1(count * log_beta);
    }
  }
  return 0;
}

/// Cuts off what is more than cap times the smallest positive weight.
void cut(std::span<double> weights, double cap) {
  double smallest = unlimited;
  for (double weight : weights) {
    if (weight > 0) smallest = std::min(smallest, weight);
  }
  for (double& weight : weights) weight = std::min(weight, cap * smallest);
}

void scale(std::span<double> weights, double factor) {
  for (double& weight : weights) weight *= factor;
}

}  // namespace

WeightScheme parse_weight_scheme(std::string_view text) {
  const std::string_view name = name_in(text);
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    fail<ValueError>("class weights: unknown scheme '{}' (valid: {}){}", name, fmt::join(names, ", "),
                     suggestion(name, names));
  }
  WeightScheme scheme{.kind = static_cast<Weighting>(found - names.begin())};
  for (std::size_t at = name.size(); at < text.size();) {
    const std::size_t end = std::min(text.find(',', at + 1), text.size());
    set_option(scheme, text.substr(at + 1, end - at - 1));
    at = end;
  }
  check(scheme);
  return scheme;
}

bool names_weight_scheme(std::string_view text) { return std::ranges::find(names, name_in(text)) != names.end(); }

std::string to_string(const WeightScheme& scheme) {
  std::string text(names[static_cast<std::size_t>(scheme.kind)]);
  if (scheme.kind == Weighting::effective_number) text += fmt::format(":{}", scheme.beta);
  if (scheme.cap < unlimited) text += fmt::format(",cap={}", scheme.cap);
  return text;
}

std::vector<double> class_weights(std::span<const std::int64_t> counts, const WeightScheme& scheme) {
  check(scheme);
  check_counts("class weights", counts);
  const auto classes = static_cast<double>(counts.size());
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const auto present = static_cast<double>(std::ranges::count_if(counts, [](std::int64_t count) { return count > 0; }));
  if (total == 0) fail<ValueError>("class weights: there are no samples in {} classes (valid: 1 or more)", classes);

  std::vector<double> weights;
  for (std::int64_t count : counts) {
    weights.push_back(count == 0 ? 0.0 : raw_weight(static_cast<double>(count), scheme));
  }
  cut(weights, scheme.cap);
  if (scheme.kind == Weighting::balanced) {  // over the samples, N / (K n) sums to N present / K
    const double sum = std::inner_product(weights.begin(), weights.end(), counts.begin(), 0.0);
    scale(weights, std::isinf(scheme.cap) ? total / classes : total / classes * present / sum);
  } else {
    scale(weights, classes / std::accumulate(weights.begin(), weights.end(), 0.0));
  }
  return weights;
}

std::vector<std::int64_t> count_classes(std::span<const std::int64_t> labels, std::optional<std::int64_t> num_classes,
                                        std::optional<std::int64_t> ignore_index) {
  // Counts take memory for every class up to the largest label, so that one label must not ask for much.
  constexpr std::int64_t most_classes = 100'000'000, most_inferred = std::int64_t{1} << 18;
  if (num_classes && (*num_classes < 1 || *num_classes > most_classes)) {
    fail<ValueError>("count_classes: num_classes is {} (valid: 1..{})", *num_classes, most_classes);
  }
  const std::int64_t valid = num_classes.value_or(most_inferred);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_classes.value_or(0)));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int64_t label = labels[i];
    if (ignore_index && label == *ignore_index) continue;
    if (label < 0 || label >= valid) {
      fail<IndexError>("count_classes: label[{}] is {} (valid: 0..{}{})", i, label, valid - 1,
                       num_classes || label < 0 ? "" : "; for larger labels set num_classes");
    }
    if (static_cast<std::size_t>(label) >= counts.size()) counts.resize(static_cast<std::size_t>(label) + 1);
    ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

std::vector<double> pos_weights(std::span<const std::int64_t> negatives, std::span<const std::int64_t> positives,
                                double cap) {
  if (negatives.size() != positives.size()) {
    fail<ShapeError>("pos_weights: negatives of {} labels and positives of {} (valid: the same number)",
                     negatives.size(), positives.size());
  }
  if (!(cap >= 1)) fail<ValueError>("pos_weights: cap is {} (valid: {})", cap, valid_cap);
  check_counts("pos_weights: negatives", negatives);
  check_counts("pos_weights: positives", positives);
  std::vector<double> weights;
  for (std::size_t c = 0; c < negatives.size(); ++c) {
    const bool one_sided = negatives[c] == 0 || positives[c] == 0;
    const double ratio = static_cast<double>(negatives[c]) / static_cast<double>(positives[c]);
    weights.push_back(one_sided ? 1.0 : std::clamp(ratio, 1 / cap, cap));
  }
  return weights;
}

WeightSpread spread_of(std::span<const double> weights, std::span<const std::int64_t> counts) {
  if (weights.size() != counts.size()) {
    fail<ShapeError>("spread_of: {} weights and {} counts (valid: one weight and one count per class)", weights.size(),
                     counts.size());
  }
  double smallest = unlimited, largest = 0, samples = 0, sum = 0, squares = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] == 0) continue;
    const auto count = static_cast<double>(counts[c]);
    if (weights[c] > 0) smallest = std::min(smallest, weights[c]);
    largest = std::max(largest, weights[c]);
    samples += count, sum += count * weights[c], squares += count * weights[c] * weights[c];
  }
  if (sum == 0) return {};
  return {.ratio = largest / smallest, .mean = sum / samples, .effective_share = sum / squares * sum / samples};
}

}  // namespace perdita::data
