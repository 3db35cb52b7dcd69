#include "perdita/evaluate/predicted.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace perdita::evaluate {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

template <class T>
Prediction predicted_by_logits(const T* logits, std::int64_t classes) {
  constexpr T inf = std::numeric_limits<T>::infinity();
  if (std::any_of(logits, logits + classes, [](T z) { return std::isnan(z); })) return {-1, nan};
  const T* const best = std::max_element(logits, logits + classes);
  if (*best == -inf) return {-1, nan};
  const auto label = static_cast<std::int32_t>(best - logits);
  if (*best == inf) return {label, 1 / static_cast<double>(std::count(logits, logits + classes, inf))};
  double sum = 0;
  for (std::int64_t k = 0; k < classes; ++k)
    sum += std::exp(static_cast<double>(logits[k]) - static_cast<double>(*best));
  return {label, 1 / sum};
}

template <class T>
Prediction predicted_by_probabilities(const T* probabilities, std::int64_t classes) {
  double sum = 0, largest = -1;
  std::int32_t label = -1;
  for (std::int64_t k = 0; k < classes; ++k) {
    const auto p = static_cast<double>(probabilities[k]);
    sum += p;
    if (p > largest) largest = p, label = static_cast<std::int32_t>(k);
  }
  if (!(sum > 0)) return {-1, nan};
  const double rounding = 4 * static_cast<double>(classes) * static_cast<double>(std::numeric_limits<T>::epsilon());
  return {label, std::abs(sum - 1) <= rounding ? std::min(largest, 1.0) : largest / sum};
}

template Prediction predicted_by_logits(const float*, std::int64_t);
template Prediction predicted_by_logits(const double*, std::int64_t);
template Prediction predicted_by_probabilities(const float*, std::int64_t);
template Prediction predicted_by_probabilities(const double*, std::int64_t);

}  // namespace perdita::evaluate
