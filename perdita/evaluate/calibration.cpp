#include "perdita/evaluate/calibration.hpp"

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {

CalibrationCounts::CalibrationCounts(int bins) {
  if (bins < 1 || bins > 1000) fail<ValueError>("calibration: bins is {} (valid: 1..1000)", bins);
  bins_.resize(static_cast<std::size_t>(bins));
}

// Inlined where it is called: it is called for every row.
inline void CalibrationCounts::count(double confidence, bool is_right) {
  const double scaled = confidence * static_cast<double>(bins_.size());
  auto at = static_cast<std::size_t>(scaled);
  at -= at > 0 && static_cast<double>(at) == scaled;  // bins are open to the left
  Tally& tally = bins_[std::min(at, bins_.size() - 1)][is_right ? 1 : 0];
  ++tally.count;
  tally.confidence += confidence;
}

void CalibrationCounts::add(double confidence, bool is_right) { count(confidence, is_right); }

template <class T>
void CalibrationCounts::add(const JudgedRows<T>& rows) {
  const T* const confidences = rows.confidences.data();
  const std::int32_t *const labels = rows.labels.data(), *const predicted = rows.predicted.data();
  for (std::size_t i = 0; i < rows.losses.size(); ++i)
    count(static_cast<double>(confidences[i]), labels[i] == predicted[i]);
}

void CalibrationCounts::merge(const CalibrationCounts& other) {
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    for (std::size_t right = 0; right < 2; ++right) {
      bins_[i][right].count += other.bins_[i][right].count;
      bins_[i][right].confidence += other.bins_[i][right].confidence;
    }
  }
}

Calibration CalibrationCounts::result() const {
  Calibration c;
  double count = 0;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    const auto& [wrong, right] = bins_[i];
    const std::int64_t members = wrong.count + right.count;
    const double confidence = wrong.confidence + right.confidence;
    const auto n = static_cast<double>(members), width = 1 / static_cast<double>(bins_.size());
    CalibrationBin& result = c.bins.emplace_back();
    result.low = static_cast<double>(i) * width, result.high = static_cast<double>(i + 1) * width;
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
