// must fail: a formula must take two numbers, an input and a target
#include "perdita/functional/elementwise.hpp"

perdita::Tensor loss(const perdita::Tensor& y, const perdita::Tensor& t) {
  return perdita::elementwise([](auto y) { return y * y; })(y, t);
}
