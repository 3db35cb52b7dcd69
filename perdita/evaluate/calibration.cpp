#include "perdita/evaluate/calibration.hpp"

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {

namespace {

/// Where a prediction is counted: 2 bin, or 2 bin + 1 if it is right. Bins are open to the left. The product may round
/// to the other side of an edge, so the edges decide.
inline std::size_t place_of(double confidence, const double* edges, std::int32_t bins, bool is_right) {
  std::int32_t bin = std::min(static_cast<std::int32_t>(confidence * bins), bins - 1);
  bin -= bin > 0 && confidence <= edges[bin] ? 1 : 0;
  bin += bin + 1 < bins && confidence > edges[bin + 1] ? 1 : 0;
  return 2 * static_cast<std::size_t>(bin) + (is_right ? 1 : 0);
}

}  // namespace

CalibrationCounts::CalibrationCounts(int bins) : bins_(bins) {
  if (bins < 1 || bins > 1000) fail<ValueError>("calibration: bins is {} (valid: 1..1000)", bins);
  tallies_.resize(lanes * places());
  for (int i = 0; i <= bins; ++i) edges_.push_back(static_cast<double>(i) / bins);
}

void CalibrationCounts::add(double confidence, bool is_right) {
  Tally& tally = tallies_[place_of(confidence, edges_.data(), bins_, is_right)];
  ++tally.count;
  tally.confidence += confidence;
}

template <class T>
void CalibrationCounts::add(const EvaluatedRows<T>& rows) {
  const T* const confidences = rows.confidences.data();
  const std::int32_t *const labels = rows.labels.data(), *const predicted = rows.predicted.data();
  const std::size_t count = rows.losses.size(), stride = places();
  for (std::size_t i = 0; i < count; ++i) {
    const auto confidence = static_cast<double>(confidences[i]);
    if (std::isnan(confidence)) continue;
    Tally& tally = tallies_[i % lanes * stride + place_of(confidence, edges_.data(), bins_, labels[i] == predicted[i])];
    ++tally.count;
    tally.confidence += confidence;
  }
}

CalibrationCounts::Tally CalibrationCounts::tally(std::size_t place) const {
  Tally sum;
  for (std::size_t at = place; at < tallies_.size(); at += places()) {
    sum.count += tallies_[at].count;
    sum.confidence += tallies_[at].confidence;
  }
  return sum;
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
    const Tally wrong = tally(2 * static_cast<std::size_t>(i)), right = tally(2 * static_cast<std::size_t>(i) + 1);
    const std::int64_t members = wrong.count + right.count;
    const double confidence = wrong.confidence + right.confidence;
    const auto n = static_cast<double>(members);
    CalibrationBin& result = c.bins.emplace_back();
    result.low = edges_[static_cast<std::size_t>(i)], result.high = edges_[static_cast<std::size_t>(i) + 1];
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

template void CalibrationCounts::add(const EvaluatedRows<float>&);
template void CalibrationCounts::add(const EvaluatedRows<double>&);

}  // namespace perdita::evaluate
