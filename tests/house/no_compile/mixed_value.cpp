// must fail: must be spans of the same type, float or double
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const double> t) {
  return perdita::value([](auto y, auto t) { return abs(y - t); }, y, t);
}
