// must fail: abs\(y - t\), not std::abs\(y - t\)
#include <cmath>

#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t, std::span<float> gradient) {
  return perdita::value_and_gradient([](auto y, auto t) { return std::abs(y - t); }, y, t, gradient);
}
