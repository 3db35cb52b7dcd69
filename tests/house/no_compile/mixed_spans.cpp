// must fail: must be spans of the same type, float or double
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const double> t, std::span<float> gradient) {
  return perdita::value_and_gradient([](auto y, auto t) { return y - t; }, y, t, gradient);
}
