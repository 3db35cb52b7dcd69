// must fail: a loss requires spans of float or double
#include "perdita/losses/span.hpp"

double loss(std::span<const int> y, std::span<const int> t, std::span<int> gradient) {
  return perdita::value_and_gradient([](auto y, auto t) { return y - t; }, y, t, gradient);
}
