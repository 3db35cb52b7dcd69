// must fail: a formula must take two numbers, an input and a target
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t) {
  return perdita::value([](auto y, auto t, auto w) { return w * (y - t); }, y, t);
}
