#include "perdita/data/imbalance.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/class_weights.hpp"

namespace perdita::data {

namespace {

constexpr std::array<std::string_view, 3> names{"none", "longtail", "step"};

bool is_ratio(double ratio) { return ratio >= 1 && std::isfinite(ratio); }

}  // namespace

Imbalance parse_imbalance(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto found = std::ranges::find(names, text.substr(0, colon));
  Imbalance imbalance{.profile = static_cast<Profile>(found - names.begin())};
  const std::string_view number = text.substr(std::min(colon + 1, text.size()));
  const auto [stopped, error] = std::from_chars(number.data(), number.data() + number.size(), imbalance.ratio);
  const bool is_number = error == std::errc{} && stopped == number.data() + number.size() && is_ratio(imbalance.ratio);
  if (found == names.end() || (imbalance.profile == Profile::none ? colon < text.size() : !is_number)) {
    fail<ValueError>("imbalance is '{}' (valid: none, longtail:R or step:R with a ratio R of 1 or more)", text);
  }
  return imbalance;
}

std::string to_string(const Imbalance& imbalance) {
  const std::string_view name = names[static_cast<std::size_t>(imbalance.profile)];
  return imbalance.profile == Profile::none ? std::string(name) : fmt::format("{}:{}", name, imbalance.ratio);
}

std::vector<std::int64_t> imbalanced_counts(std::int64_t largest, std::int64_t num_classes,
                                            const Imbalance& imbalance) {
  if (num_classes < 2) fail<ValueError>("imbalance: there are {} classes (valid: 2 or more)", num_classes);
  if (!is_ratio(imbalance.ratio)) fail<ValueError>("imbalance: ratio is {} (valid: 1 or more)", imbalance.ratio);
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < num_classes; ++i) {
    const double exponent = imbalance.profile == Profile::longtail
                                ? static_cast<double>(i) / static_cast<double>(num_classes - 1)
                                : static_cast<double>(imbalance.profile == Profile::step && i >= num_classes / 2);
    const double size = static_cast<double>(largest) / std::pow(imbalance.ratio, exponent);
    counts.push_back(static_cast<std::int64_t>(size * (1 + 1e-12)));  // a whole number that came out just below is one
    if (counts.back() > 0) continue;
    fail<ValueError>(
        "imbalance {} leaves no sample of class {}, because the largest class has {} samples (valid: a ratio up to {})",
        to_string(imbalance), i, largest, largest);
  }
  return counts;
}

std::vector<std::int64_t> imbalanced_subset(std::span<const std::int64_t> labels, const Imbalance& imbalance,
                                            std::optional<std::int64_t> num_classes) {
  std::vector<std::int64_t> left = count_classes(labels, num_classes);
  const std::int64_t largest = left.empty() ? 0 : std::ranges::max(left);
  left = imbalanced_counts(largest, std::ssize(left), imbalance);
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (left[static_cast<std::size_t>(labels[i])]-- > 0) kept.push_back(static_cast<std::int64_t>(i));
  }
  return kept;
}

}  // namespace perdita::data
