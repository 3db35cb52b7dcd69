#include "perdita/diagnose/loss_curves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace perdita::diagnose {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

LossCurves::LossCurves(const std::vector<evaluate::Record>& history) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> steps;
  for (const evaluate::Record& record : history) {
    const auto loss = record.find("train_loss");
    if (!loss) continue;
    if (!std::isfinite(*loss)) {
      if (!has_nonfinite) nonfinite_epoch = record.epoch;
      has_nonfinite = true;
      continue;
    }
    if (record.kind == "step") steps.push_back(*loss);
    if (record.kind != "epoch") continue;
    train.push_back(*loss);
    lr.push_back(record.find("lr").value_or(lr.empty() ? unknown : lr.back()));
    if (const auto value = record.find("val_loss")) val.push_back(*value);
  }
  // Epochs before the first rate had that rate.
  const auto first = std::ranges::find_if(lr, [](double rate) { return !std::isnan(rate); });
  std::fill(lr.begin(), first, first == lr.end() ? 0.0 : *first);
  if (val.size() != train.size()) val.clear();
  if (!train.empty()) start = train.front();
  if (!steps.empty()) {  // one batch may be far off, and the second step may have thrown the loss far away
    const auto few = static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, steps.size()));
    start = std::min(steps.front(), median({steps.begin(), steps.begin() + few}));
  }
  for (double loss : steps) worst_step = std::max(worst_step, loss);
}

double LossCurves::least() const { return *std::ranges::min_element(train); }

double LossCurves::mean(double begin, double end) const {
  const auto n = static_cast<double>(epochs());
  const auto first = std::min(static_cast<std::size_t>(begin * n), epochs() - 1);
  const auto past = std::max(static_cast<std::size_t>(std::ceil(end * n)), first + 1);
  return std::accumulate(train.begin() + static_cast<std::ptrdiff_t>(first),
                         train.begin() + static_cast<std::ptrdiff_t>(past), 0.0) /
         static_cast<double>(past - first);
}

bool LossCurves::was_lowered_early() const { return lr[epochs() / 2] < 0.2 * *std::ranges::max_element(lr); }

bool LossCurves::fell_until_lowered() const {
  const double largest = *std::ranges::max_element(lr);
  const auto lowered = static_cast<std::size_t>(
      std::ranges::find_if(lr, [=](double rate) { return rate <= 0.5 * largest; }) - lr.begin());
  if (lowered < 3 || lowered >= epochs()) return false;
  const std::size_t before = lowered - 1 - std::max<std::size_t>(1, lowered / 3);
  return train[before] - train[lowered - 1] > 0.05 * std::max(start - least(), 0.02 * std::abs(start));
}

bool LossCurves::still_improves() const {
  if (val.empty()) return true;
  const auto best = static_cast<std::size_t>(std::ranges::min_element(val) - val.begin());
  const std::size_t epochs = val.size(), quarter = std::max<std::size_t>(1, epochs / 4);
  if (best + quarter < epochs) return false;
  const double before = median({val.begin() + static_cast<std::ptrdiff_t>(epochs - std::min(epochs, 2 * quarter)),
                                val.end() - static_cast<std::ptrdiff_t>(quarter)});
  const double after = median({val.end() - static_cast<std::ptrdiff_t>(quarter), val.end()});
  return before - after > 0.02 * std::max(start - val[best], 0.02 * std::abs(start));
}

double LossCurves::late_fall() const {
  const double way =
      std::max(start - least(), 0.02 * std::abs(start));  // if hardly anything was learned, noise is not a decrease
  return (mean(0.625, 0.875) - mean(0.875, 1)) / way;
}

}  // namespace perdita::diagnose
