// The samples with the largest losses of a stream; NaN counts as larger than infinity.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace perdita::evaluate {

struct HardSample {
  std::int64_t index = 0;                     ///< the row; with several columns, row * columns + column
  double loss = 0, predicted = 0, truth = 0;  ///< predicted is NaN without a predicted class
};

class Hardest {
 public:
  explicit Hardest(std::int64_t wanted) : wanted_(static_cast<std::size_t>(wanted)) {}
  bool takes(double loss) const { return !(loss <= least_); }
  /// Call only for samples for which takes() is true.
  void add(const HardSample& sample);
  void merge(const Hardest& other);
  /// In order of decreasing loss; samples of equal loss in the order of the stream.
  std::vector<HardSample> result() const;

 private:
  std::size_t wanted_;
  std::vector<HardSample> heap_;  // the easiest of them on top
  /// What a loss must exceed to be kept; NaN does.
  double least_ = (wanted_ == 0 ? 1 : -1) * std::numeric_limits<double>::infinity();
};

}  // namespace perdita::evaluate
