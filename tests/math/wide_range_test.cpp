// Numbers with an exponent of their own, against long double where that holds them.
#include "perdita/math/wide_range.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "perdita/math/isa.hpp"

namespace perdita {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// Eight logarithms in, eight results out, on whatever instruction set is in force.
using Eight = std::array<double, 8>;
struct Results {
  Eight exp_m, exp_e, log_of_exp, log_of_product, log_of_sum, log_of_sum_of_three, narrowed;
};
struct Evaluate {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const double* x, const double* y, const double* z, Results* r) const {
    using P = typename Target::template pack<double>;
    using W = WideRange<P>;
    for (std::size_t i = 0; i < 8; i += P::lanes) {
      const W a = W::exp(P::load(x + i)), b = W::exp(P::load(y + i)), c = W::exp(P::load(z + i));
      a.store(&r->exp_m[i], &r->exp_e[i]);
      log(a).store(&r->log_of_exp[i]);
      log(a * b).store(&r->log_of_product[i]);
      log(a + b).store(&r->log_of_sum[i]);
      log(sum(a, b, c)).store(&r->log_of_sum_of_three[i]);
      narrowed(a).store(&r->narrowed[i]);
    }
  }
};
Results evaluate(const Eight& x, const Eight& y = {}, const Eight& z = {}) {
  Results r;
  run(Evaluate{}, x.data(), y.data(), z.data(), &r);
  return r;
}

long double log_add(long double a, long double b) { return std::max(a, b) + log1pl(expl(-fabsl(a - b))); }

TEST(WideRange, AgreesWithLogarithmsInLongDouble) {
  const unsigned seed = 3;
  std::mt19937 random(seed);
  for (const double range : {1.0, 50.0, 1e3, 1e6, 1e12}) {
    std::uniform_real_distribution<double> draw(-range, range);
    for (int round = 0; round < 200; ++round) {
      Eight x, y, z;
      for (std::size_t i = 0; i < 8; ++i) x[i] = draw(random), y[i] = draw(random), z[i] = draw(random);
      const Results r = evaluate(x, y, z);
      const double tolerance = 1e-15 * std::max(1.0, range);
      for (std::size_t i = 0; i < 8; ++i) {
        ASSERT_TRUE(r.exp_m[i] >= 0.7 && r.exp_m[i] <= 1.5 && r.exp_e[i] == std::rint(r.exp_e[i])) << x[i];
        ASSERT_NEAR(r.log_of_exp[i], x[i], tolerance);
        ASSERT_NEAR(r.log_of_product[i], static_cast<double>(0.0L + x[i] + y[i]), 3 * tolerance);
        ASSERT_NEAR(r.log_of_sum[i], static_cast<double>(log_add(x[i], y[i])), 3 * tolerance);
        ASSERT_NEAR(r.log_of_sum_of_three[i], static_cast<double>(log_add(log_add(x[i], y[i]), z[i])), 3 * tolerance);
        if (range <= 50) {
          ASSERT_NEAR(r.narrowed[i] / std::exp(x[i]), 1, 1e-14);
        }
      }
    }
  }
}

TEST(WideRange, ZerosDecideNothing) {
  const Eight none{-inf, -inf, -inf, -inf, -inf, -inf, -inf, -inf};
  const Eight x{0, -1e6, 1e6, -1e30, 1e30, -1e250, 1e250, -3};
  const Results r = evaluate(none, x, none), nothing = evaluate(none, none, none);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(r.exp_m[i], 0);
    EXPECT_EQ(r.narrowed[i], 0);
    EXPECT_EQ(r.log_of_exp[i], -inf);
    EXPECT_EQ(r.log_of_product[i], -inf);
    EXPECT_NEAR(r.log_of_sum[i], x[i], 1e-15 * std::max(1.0, std::abs(x[i])));
    EXPECT_EQ(r.log_of_sum_of_three[i], r.log_of_sum[i]);
    EXPECT_EQ(nothing.log_of_sum_of_three[i], -inf);
  }
}

TEST(WideRange, LimitsAndNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Eight x{inf, nan, 1e300, -1e300, 0x1p48, -0x1p48, 0x1.8p48, -2000};
  const Results r = evaluate(x);
  EXPECT_EQ(r.log_of_exp[0], inf);
  EXPECT_EQ(r.log_of_sum[0], inf);
  EXPECT_TRUE(std::isnan(r.log_of_exp[1]) && std::isnan(r.log_of_sum[1]) && std::isnan(r.log_of_product[1]));
  EXPECT_GT(r.log_of_exp[2], 1e289);
  EXPECT_LT(r.log_of_exp[3], -1e289);
  for (std::size_t i = 4; i < 8; ++i) EXPECT_NEAR(r.log_of_exp[i] / x[i], 1, 1e-15) << x[i];
  EXPECT_EQ(r.narrowed[7], 0);
}

}  // namespace
}  // namespace perdita
