// must compile
#include <algorithm>
#include <cmath>

#include "perdita/functional/elementwise.hpp"
#include "perdita/losses/span.hpp"

using namespace std;

const auto formula = [delta = 2.0](auto y, auto t) {
  return abs(y - t) + pow(abs(y), 1.5) + max(y, 0.0) + min(y, delta) + exp(y) + log1p(exp(-abs(y))) + sqrt(square(y));
};

double loss(std::span<const float> y, std::span<const float> t) { return perdita::value(formula, y, t); }
perdita::Tensor loss(const perdita::Tensor& y, const perdita::Tensor& t) { return perdita::elementwise(formula)(y, t); }
