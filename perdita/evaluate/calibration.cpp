#include "perdita/evaluate/calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {

namespace {

/// Where a prediction is counted: 2 bin, or 2 bin + 1 if it is right.
inline std::int32_t place_of(double confidence, std::int32_t bins, bool is_right) {
  const double scaled = confidence * bins;
  const auto whole = static_cast<std::int32_t>(scaled);
  const std::int32_t bin = whole - (whole > 0 && whole == scaled ? 1 : 0);  // bins are open to the left
  return 2 * std::min(bin, bins - 1) + (is_right ? 1 : 0);
}

}  // namespace

CalibrationCounts::CalibrationCounts(int bins) : bins_(bins) {
  if (bins < 1 || bins > 1000) fail<ValueError>("calibration: bins is {} (valid: 1..1000)", bins);
  tallies_.resize(2 * static_cast<std::size_t>(bins));
}

void CalibrationCounts::add(double confidence, bool is_right) {
  Tally& tally = tallies_[place_of(confidence, bins_, is_right)];
  ++tally.count;
  tally.confidence += confidence;
}

// In stretches: the places are found by vectors, then counted one by one.
template <class T>
void CalibrationCounts::add(const JudgedRows<T>& rows) {
  constexpr std::size_t stretch = 512;
  std::array<std::int32_t, stretch> places;
  for (std::size_t begin = 0; begin < rows.losses.size(); begin += stretch) {
    const std::size_t count = std::min(stretch, rows.losses.size() - begin);
    const T* const confidences = rows.confidences.data() + begin;
    const std::int32_t *const labels = rows.labels.data() + begin, *const predicted = rows.predicted.data() + begin;
    for (std::size_t i = 0; i < count; ++i)
      places[i] = place_of(static_cast<double>(confidences[i]), bins_, labels[i] == predicted[i]);
    for (std::size_t i = 0; i < count; ++i) {
      Tally& tally = tallies_[static_cast<std::size_t>(places[i])];
      ++tally.count;
      tally.confidence += static_cast<double>(confidences[i]);
    }
  }
}

void CalibrationCounts::merge(const CalibrationCounts& other) {
  for (std::size_t i = 0; i < tallies_.size(); ++i) {
    tallies_[i].count += other.tallies_[i].count;
    tallies_[i].confidence += other.tallies_[i].confidence;
  }
}

Calibration CalibrationCounts::result() const {
  Calibration c;
  double count = 0;
  for (int i = 0; i < bins_; ++i) {
    const Tally &wrong = tallies_[2 * static_cast<std::size_t>(i)],
                &right = tallies_[2 * static_cast<std::size_t>(i) + 1];
    const std::int64_t members = wrong.count + right.count;
    const double confidence = wrong.confidence + right.confidence;
    const auto n = static_cast<double>(members);
    CalibrationBin& result = c.bins.emplace_back();
    result.low = static_cast<double>(i) / bins_, result.high = static_cast<double>(i + 1) / bins_;
    result.count = members;
    if (members == 0) continue;
    result.confidence = confidence / n, result.accuracy = static_cast<double>(right.count) / n;
    const double gap = std::abs(result.accuracy - result.confidence);
    c.ece += n * gap;
    c.mce = std::max(c.mce, gap);
    c.confidence += confidence;
    count += n;
  }
  c.ece /= count;
  c.confidence /= count;
  return c;
}

template void CalibrationCounts::add(const JudgedRows<float>&);
template void CalibrationCounts::add(const JudgedRows<double>&);

}  // namespace perdita::evaluate
