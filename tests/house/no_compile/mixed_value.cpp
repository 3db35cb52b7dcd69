// must fail: must be spans of one type: all of float or all of double
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const double> t) {
  return perdita::value([](auto y, auto t) { return abs(y - t); }, y, t);
}
