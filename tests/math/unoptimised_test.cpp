// Compiled at -O0, where nothing but packs' own members is inlined: packs and duals then really travel by value between
// functions compiled for different instruction sets.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

struct Huber {
  auto operator()(auto y, auto t) const {
    auto r = abs(y - t);
    auto q = min(r, 1.0);
    return q * (r - 0.5 * q);
  }
};

template <class P>
[[gnu::noinline]] P twice(P x) {
  return x + x;
}
template <class P>
[[gnu::noinline]] Mask<typename P::value_type, P::lanes> is_positive(P x) {
  return x > 0.0;
}

/// Value and slope of formula(y, 0.25) through kernels of the instruction set in force.
template <class T, class Formula>
void value_and_slope(Formula formula, const std::vector<T>& y, std::vector<T>& value, std::vector<T>& slope) {
  run(
      [formula](auto target, const T* in, T* v, T* d, std::size_t n) {
        using P = typename decltype(target)::template pack<T>;
        for (std::size_t i = 0; i < n; i += P::lanes) {
          const Dual<P> result = formula(Dual<P>(P::load(in + i), P(1.0)), P(0.25));
          result.v.store(v + i);
          select(is_positive(twice(result.d)), result.d, twice(result.d) - result.d).store(d + i);
        }
      },
      y.data(), value.data(), slope.data(), y.size());
}

template <class T>
struct Unoptimised : testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(Unoptimised, Numbers);

TYPED_TEST(Unoptimised, PacksSurviveCallsBetweenInstructionSets) {
  using T = TypeParam;
  std::vector<T> y(64), value(64), slope(64);
  for (int i = 0; i < 64; ++i) y[static_cast<std::size_t>(i)] = static_cast<T>(i - 32) / 8;
  value_and_slope(Huber{}, y, value, slope);
  for (std::size_t i = 0; i < 64; ++i) {
    const double r = y[i] - 0.25, a = std::fabs(r);
    EXPECT_NEAR(value[i], a < 1 ? 0.5 * r * r : a - 0.5, 1e-6) << y[i];
    EXPECT_NEAR(slope[i], a < 1 ? r : r > 0 ? 1.0 : -1.0, 1e-6) << y[i];
  }
}

TYPED_TEST(Unoptimised, ElementaryFunctions) {
  using T = TypeParam;
  std::vector<T> y(64), value(64), slope(64);
  for (int i = 0; i < 64; ++i) y[static_cast<std::size_t>(i)] = static_cast<T>(i + 1) / 16;
  value_and_slope([](auto x, auto t) { return log1p(exp(x)) * t + pow(x, t) + lgamma(x); }, y, value, slope);
  for (std::size_t i = 0; i < 64; ++i) {
    const double x = y[i], expected = std::log1p(std::exp(x)) * 0.25 + std::pow(x, 0.25) + std::lgamma(x);
    EXPECT_NEAR(value[i], expected, 1e-5) << x;
  }
}

}  // namespace
}  // namespace perdita::test
