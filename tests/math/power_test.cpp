// Functions of two numbers: pow and xlogy on a grid of special values and on samples; sign, clamp, min and max.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "math/function_table.hpp"
#include "math/mpfr_functions.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// formula(x[i], y[i]) by packs, inside a kernel.
template <class T, class Formula>
std::vector<T> apply(Formula formula, std::vector<T> x, std::vector<T> y) {
  const std::size_t n = x.size();
  x.resize(n + 16);
  y.resize(n + 16);
  std::vector<T> z(n + 16);
  run(
      [formula](auto target, const T* a, const T* b, T* c, std::size_t count) {
        using P = typename decltype(target)::template pack<T>;
        for (std::size_t i = 0; i < count; i += P::lanes) formula(P::load(a + i), P::load(b + i)).store(c + i);
      },
      x.data(), y.data(), z.data(), n);
  z.resize(n);
  return z;
}

template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

const std::vector<double> specials = {0.0,       -0.0,       1.0,   -1.0,   2.0,  -2.0,  0.5,        -0.5,       3.0,
                                      -3.0,      0.25,       1.5,   -1.5,   5.0,  -5.0,  inf,        -inf,       nan,
                                      8388609.0, -8388609.0, 1e-40, -1e-40, 1e30, -1e30, 16777216.0, -16777216.0};

template <class T>
struct PairsOfNumbers : testing::Test {
  std::vector<T> x, y;
  PairsOfNumbers() {
    for (double a : specials) {
      for (double b : specials) {
        x.push_back(static_cast<T>(a));
        y.push_back(static_cast<T>(b));
      }
    }
  }
};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(PairsOfNumbers, Numbers);

// C99 F.9.4.4, by the C library itself; it works in double, so float results are compared after rounding.
TYPED_TEST(PairsOfNumbers, PowHasTheSpecialValuesOfC) {
  using T = TypeParam;
  const auto z = apply<T>([](auto a, auto b) { return pow(a, b); }, this->x, this->y);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const T expected = static_cast<T>(std::pow(static_cast<double>(this->x[i]), static_cast<double>(this->y[i])));
    const bool close = std::fabs(z[i] - expected) <= 2 * std::numeric_limits<T>::epsilon() * std::fabs(expected);
    EXPECT_TRUE(same(z[i], expected) || (std::isfinite(expected) && expected != 0 && close))
        << "pow(" << this->x[i] << ", " << this->y[i] << ") gave " << z[i] << ", C has " << expected;
  }
}

// The special cases of a fixed exponent agree with the general power, where results are not rounded.
TYPED_TEST(PairsOfNumbers, PowOfAFixedExponentHasTheSameSpecialValues) {
  using T = TypeParam;
  for (double exponent : {0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.5, -0.5, -1.0, -2.0, 0.25, nan, inf}) {
    const auto z = apply<T>([exponent](auto a, auto) { return pow(a, exponent); }, this->x, this->x);
    for (std::size_t i = 0; i < z.size(); ++i) {
      const T expected = static_cast<T>(std::pow(static_cast<double>(this->x[i]), exponent));
      const bool close = std::fabs(z[i] - expected) <= 2 * std::numeric_limits<T>::epsilon() * std::fabs(expected);
      EXPECT_TRUE(same(z[i], expected) || (std::isfinite(expected) && expected != 0 && close))
          << "pow(" << this->x[i] << ", " << exponent << ") gave " << z[i] << ", C has " << expected;
    }
  }
}

TYPED_TEST(PairsOfNumbers, XlogyIsZeroWhereItsFirstArgumentIs) {
  using T = TypeParam;
  const auto z = apply<T>([](auto a, auto b) { return xlogy(a, b); }, this->x, this->y);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const T a = this->x[i], b = this->y[i], product = a * std::log(b);
    if (std::isnan(b)) {
      EXPECT_TRUE(std::isnan(z[i]));
    } else if (a == 0) {
      EXPECT_EQ(z[i], T(0)) << b;
    } else {
      EXPECT_TRUE(same(z[i], product) || std::fabs(z[i] - product) <= 2e-7 * std::fabs(product)) << a << ' ' << b;
    }
  }
}

/// Those of log(a / b) of a, b >= 0, where the quotient does not overflow; NaN if a or b is below 0.
TYPED_TEST(PairsOfNumbers, LogRatioHasTheSpecialValuesOfLog) {
  using T = TypeParam;
  const auto z = apply<T>([](auto a, auto b) { return log_ratio(a, b); }, this->x, this->y);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const T a = this->x[i], b = this->y[i];
    const long double quotient = static_cast<long double>(a) / static_cast<long double>(std::fabs(b));
    const auto expected = a < 0 || b < 0 ? static_cast<T>(nan) : static_cast<T>(std::log(quotient));
    EXPECT_TRUE(std::isnan(expected)   ? std::isnan(z[i])
                : std::isinf(expected) ? z[i] == expected
                                       : std::fabs(z[i] - expected) <= 1e-6 * std::fabs(expected))
        << "log_ratio(" << a << ", " << b << ") gave " << z[i] << ", expected " << expected;
  }
}

/// Those of C, except that NaN stays NaN next to an infinity.
TYPED_TEST(PairsOfNumbers, HypotHasTheSpecialValuesOfC) {
  using T = TypeParam;
  const auto z = apply<T>([](auto a, auto b) { return hypot(a, b); }, this->x, this->y);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const T a = this->x[i], b = this->y[i];
    const T expected = std::isnan(a) || std::isnan(b) ? static_cast<T>(nan) : std::hypot(a, b);
    EXPECT_TRUE(same(z[i], expected) || std::fabs(z[i] - expected) <= 2 * std::numeric_limits<T>::epsilon() * expected)
        << "hypot(" << a << ", " << b << ") gave " << z[i] << ", C has " << expected;
  }
}

TYPED_TEST(PairsOfNumbers, MinMaxAndClampKeepNaN) {
  using T = TypeParam;
  const auto larger = apply<T>([](auto a, auto b) { return max(a, b); }, this->x, this->y);
  const auto smaller = apply<T>([](auto a, auto b) { return min(a, b); }, this->x, this->y);
  const auto raised = apply<T>([](auto a, auto b) { return clamp_min(a, b); }, this->x, this->y);
  const auto lowered = apply<T>([](auto a, auto b) { return clamp_max(a, b); }, this->x, this->y);
  const auto clamped = apply<T>([](auto a, auto) { return clamp(a, -1.0, 2.0); }, this->x, this->y);
  for (std::size_t i = 0; i < larger.size(); ++i) {
    const T a = this->x[i], b = this->y[i];
    const bool undefined = std::isnan(a) || std::isnan(b);
    const auto is = [&](T got, T expected) { return undefined ? std::isnan(got) : got == expected; };
    EXPECT_TRUE(is(larger[i], std::fmax(a, b)) && is(raised[i], std::fmax(a, b))) << a << ' ' << b;
    EXPECT_TRUE(is(smaller[i], std::fmin(a, b)) && is(lowered[i], std::fmin(a, b))) << a << ' ' << b;
    if (std::isnan(a))
      EXPECT_TRUE(std::isnan(clamped[i]));
    else
      EXPECT_EQ(clamped[i], std::fmin(std::fmax(a, T(-1)), T(2)));
  }
}

TYPED_TEST(PairsOfNumbers, SignAbsAndSelect) {
  using T = TypeParam;
  const auto sign_of = apply<T>([](auto a, auto) { return sign(a); }, this->x, this->y);
  const auto size_of = apply<T>([](auto a, auto) { return abs(a); }, this->x, this->y);
  // Nested selects that share an arm, and masks combined: what g++ likes to merge.
  const auto nested = apply<T>(
      [](auto a, auto b) { return select(a < b, select((b > 0.0) | !(a == -1.0), a, b), b) + zero_unless(a > 0.0, b); },
      this->x, this->y);
  for (std::size_t i = 0; i < sign_of.size(); ++i) {
    const T a = this->x[i], b = this->y[i];
    EXPECT_TRUE(std::isnan(a) ? std::isnan(sign_of[i]) : sign_of[i] == (a > 0) - (a < 0)) << a;
    EXPECT_TRUE(same(size_of[i], std::fabs(a)));
    const T expected = (a < b ? (b > 0 || a != -1 ? a : b) : b) + (a > 0 ? b : T(0));
    EXPECT_TRUE(std::isnan(expected) ? std::isnan(nested[i]) : nested[i] == expected) << a << ' ' << b;
  }
}

template <class T>
double worst_pow_error() {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> x, y;
  const double largest_log = std::log(static_cast<double>(std::numeric_limits<T>::max()));
  for (int i = 0; i < 20000; ++i) {
    // bases near 1, of ordinary size, and of any size; exponents up to where the power leaves the format
    const double u = uniform(random);
    const double base = i % 3 == 0 ? 1.0 + 0.5 * u : i % 3 == 1 ? 10.0 + 9.9 * u : std::exp(largest_log * u);
    const double limit = std::fmin(1.05 * largest_log / std::fabs(std::log(base)), 1e6);
    x.push_back(static_cast<T>(base));
    y.push_back(static_cast<T>(limit * uniform(random)));
  }
  const auto z = apply<T>([](auto a, auto b) { return pow(a, b); }, x, y);
  double worst = 0.0;
  mpfr_t input, exact;
  mpfr_init2(input, 64);
  mpfr_init2(exact, 200);
  for (std::size_t i = 0; i < z.size(); ++i) {
    mpfr_set_d(input, x[i], MPFR_RNDN);
    exact_pow(exact, input, y[i]);
    worst = std::max(worst, ulp_error(z[i], exact));
  }
  mpfr_clear(input);
  mpfr_clear(exact);
  return worst;
}
TEST(Pow, IsWithinItsBound) {
  EXPECT_LE(worst_pow_error<float>(), 1.0);
  EXPECT_LE(worst_pow_error<double>(), 4.0);
}

/// The largest error of f at pairs of positive numbers, of which a third is nearly equal.
template <class T, class F>
double worst_error_of_pairs(F f, int (*mpfr_function)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t)) {
  constexpr unsigned seed = 6;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> x, y;
  const double largest_log = std::log(static_cast<double>(std::numeric_limits<T>::max()));
  for (int i = 0; i < 30000; ++i) {
    const double a = std::exp(largest_log * uniform(random));
    const double near = a * (1 + std::exp2(50 * uniform(random) - 50)), usual = std::exp(8 * uniform(random));
    x.push_back(static_cast<T>(a));
    y.push_back(static_cast<T>(i % 3 == 0 ? near : i % 3 == 1 ? usual : std::exp(largest_log * uniform(random))));
  }
  const auto z = apply<T>(f, x, y);
  double worst = 0.0;
  mpfr_t a, b, exact;
  mpfr_inits2(200, a, b, exact, nullptr);
  for (std::size_t i = 0; i < z.size(); ++i) {
    mpfr_set_d(a, x[i], MPFR_RNDN);
    mpfr_set_d(b, y[i], MPFR_RNDN);
    mpfr_function(exact, a, b, MPFR_RNDN);
    worst = std::max(worst, ulp_error(z[i], exact));
  }
  mpfr_clears(a, b, exact, nullptr);
  return worst;
}

int exact_log_ratio(mpfr_ptr out, mpfr_srcptr a, mpfr_srcptr b, mpfr_rnd_t round) {
  mpfr_t quotient;
  mpfr_init2(quotient, 400);
  mpfr_div(quotient, a, b, round);
  mpfr_log(out, quotient, round);
  mpfr_clear(quotient);
  return 0;
}

TEST(LogRatio, IsWithinItsBound) {
  const auto ours = [](auto a, auto b) { return log_ratio(a, b); };
  EXPECT_LE(worst_error_of_pairs<float>(ours, exact_log_ratio), 2.0);
  EXPECT_LE(worst_error_of_pairs<double>(ours, exact_log_ratio), 2.0);
}
TEST(Hypot, IsWithinItsBound) {
  const auto ours = [](auto a, auto b) { return hypot(a, b); };
  EXPECT_LE(worst_error_of_pairs<float>(ours, mpfr_hypot), 2.0);
  EXPECT_LE(worst_error_of_pairs<double>(ours, mpfr_hypot), 2.0);
}

// The scalar number type of the references.
TEST(OneLane, WorksLikeANumber) {
  using P = Pack<double, 1>;
  EXPECT_NEAR(exp(P(1.0))[0], std::exp(1.0), 1e-15);
  EXPECT_NEAR(pow(P(2.0), P(0.3))[0], std::pow(2.0, 0.3), 1e-15);
  EXPECT_EQ(max(P(1.0), P(2.0))[0], 2.0);
  EXPECT_NEAR((pow(Pack<float, 1>(2.0), Pack<float, 1>(0.3))[0]), std::pow(2.0f, 0.3f), 1e-6);
}

}  // namespace
}  // namespace perdita::test
