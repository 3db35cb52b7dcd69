// The samples with the largest losses of a stream; NaN counts as larger than infinity.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace perdita::evaluate {

struct HardSample {
  std::int64_t index = 0;                     ///< the row; of several columns, row * columns + column
  double loss = 0, predicted = 0, truth = 0;  ///< predicted is NaN where no class is
};

class Hardest {
 public:
  explicit Hardest(std::int64_t wanted) : wanted_(static_cast<std::size_t>(wanted)) {}
  bool takes(double loss) const { return !(loss <= least_); }
  /// Only of samples that takes() wants.
  void add(const HardSample& sample);
  void merge(const Hardest& other);
  /// From the hardest on; of equal losses the first in the stream.
  std::vector<HardSample> result() const;

 private:
  std::size_t wanted_;
  std::vector<HardSample> heap_;  // the easiest of them on top
  /// What a loss must exceed to be kept; NaN does.
  double least_ = (wanted_ == 0 ? 1 : -1) * std::numeric_limits<double>::infinity();
};

}  // namespace perdita::evaluate
