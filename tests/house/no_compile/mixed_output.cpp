// must fail: must be spans of one type: all of float or all of double
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t, std::span<double> losses) {
  return perdita::values([](auto y, auto t) { return abs(y - t); }, y, t, losses);
}
