// must fail: abs\(y - t\), not std::abs\(y - t\)
#include <algorithm>
#include <cmath>

#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t, std::span<float> losses) {
  const auto formula = [delta = 2.0](auto y, auto t) {
    const auto r = std::abs(y - t);
    const auto q = std::min(r, delta);
    return select(r < q, 0.5 * q * q, exp(-std::log(std::max(y, t))));
  };
  return perdita::values(formula, y, t, losses);
}
