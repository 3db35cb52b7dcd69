// A user's lambda as isa_check.py examines it: long, and used twice, so that g++ would rather call it than inline it.
#include <span>

#include "perdita/losses/span.hpp"

namespace {

auto focal(double alpha, double gamma) {
  return [=](auto y, auto t) {
    const auto b = max(y, 0.0) - t * y + log1p(exp(-abs(y)));
    const auto miss = -expm1(-b);
    return (alpha * t + (1.0 - alpha) * (1.0 - t)) * pow(miss, gamma) * b + 1e-3 * square(tanh(y) - erf(0.1 * y));
  };
}

}  // namespace

double lambda_gradient(std::span<const float> y, std::span<const float> t, std::span<float> gradient, double alpha) {
  return perdita::value_and_gradient(focal(alpha, 1.7), y, t, gradient) + perdita::value(focal(alpha, 0.3), y, t);
}
