// Whether numbers are distinguishable in float32, in which networks are trained.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "perdita/core/array.hpp"

namespace perdita::data::detail {

/// The numbers of a column, and the most that float32 rounds them by.
class Rounding {
 public:
  void add(double value) {
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
    error_ = std::max(error_, std::abs(value - static_cast<double>(static_cast<float>(value))));
  }
  /// The smallest number.
  double low() const { return low_; }
  /// Whether differences between the numbers are lost: the error is more than a hundredth of their range.
  bool is_lossy() const { return error_ > 0.01 * (high_ - low_) && high_ > low_; }

 private:
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_, error_ = 0;
};

/// Whether a column of floats with this range may be lossy: 100 roundings are as wide.
inline bool may_be_lossy(float low, float high) {
  constexpr double epsilon = std::numeric_limits<float>::epsilon();
  return static_cast<double>(high) - static_cast<double>(low) <=
         100 * epsilon * std::max(std::abs(static_cast<double>(low)), std::abs(static_cast<double>(high)));
}

/// The first column of an array [N, ...] that is lossy: an index into its elements of a row.
std::optional<std::int64_t> find_lossy_column(const Array& array);

}  // namespace perdita::data::detail
