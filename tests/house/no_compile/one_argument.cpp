// must fail: a formula must take two numbers, an input and a target
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t, std::span<float> gradient) {
  return perdita::value_and_gradient([](auto y) { return y * y; }, y, t, gradient);
}
