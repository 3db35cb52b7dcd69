// must fail: abs\(y - t\), not std::abs\(y - t\)
#include <cmath>

#include "perdita/functional/elementwise.hpp"

perdita::Tensor loss(const perdita::Tensor& y, const perdita::Tensor& t) {
  return perdita::elementwise([](auto y, auto t) { return std::abs(y - t); })(y, t);
}
