// must fail: a formula must return one number
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t) {
  return perdita::value([](auto y, auto t) { (void)(y - t); }, y, t);
}
