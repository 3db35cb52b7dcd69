// What the tests of losses of sequences share.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "perdita/functional/functional.hpp"

namespace perdita::testing {

using Row = std::vector<double>;
inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline const LossOptions each{.reduction = Reduction::none};

inline Tensor integers(const std::vector<std::int64_t>& values) { return Tensor::from(values); }
inline Tensor integers(const std::vector<std::int64_t>& values, const Shape& shape) {
  return Tensor::from(values, shape);
}
inline Tensor number(std::int64_t value) { return integers({value}, {}); }
inline Tensor drawn(const Shape& shape, std::uint64_t seed) { return Tensor::randn(shape, seed, 0, DType::float64); }

inline std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

struct BatchResult {
  Row losses, gradient;
};

inline double largest_difference(const Row& a, const Row& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace perdita::testing
