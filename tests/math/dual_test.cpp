// The rules of Dual: against finite differences of the functions, against closed forms where a naive derivative would
// cancel, and at the points where a derivative is a matter of choice.
#include "perdita/math/dual.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace perdita::test {
namespace {

using P = Pack<double, 1>;
using D = Dual<P>;
constexpr double inf = std::numeric_limits<double>::infinity();

// Not inlined: each formula is compiled once for each of them.
template <class F>
[[gnu::noinline]] double value(F f, double x) {
  return f(P(x))[0];
}
template <class F>
[[gnu::noinline]] double slope(F f, double x) {
  return f(D(P(x), P(1.0))).d[0];
}
template <class F>
[[gnu::noinline]] double curvature(F f, double x) {
  return f(Dual<D>(D(P(x), P(1.0)), D(P(1.0), P(0.0)))).d.d[0];
}

/// The slope of g at x by central differences of order 8.
template <class G>
double difference(G g, double x) {
  const double h = 4e-3 * std::fmax(0.25, std::fmin(1.0, std::fabs(x)));
  const double weights[] = {672.0 / 840, -168.0 / 840, 32.0 / 840, -3.0 / 840};
  double sum = 0.0;
  for (int k = 1; k <= 4; ++k) sum += weights[k - 1] * (g(x + k * h) - g(x - k * h));
  return sum / h;
}

/// Value unchanged, slope and curvature as the differences say, at each x.
template <class F>
void check(const char* name, F f, const std::vector<double>& points) {
  for (double x : points) {
    const double plain = value(f, x), with_slope = f(D(P(x), P(1.0))).v[0];
    EXPECT_NEAR(with_slope, plain, 4e-15 * (std::fabs(plain) + 1e-6)) << name << " at " << x;
    const double expected = difference([&](double u) { return value(f, u); }, x);
    EXPECT_NEAR(slope(f, x), expected, 1e-10 * (1.0 + std::fabs(expected) + std::fabs(plain))) << name << " at " << x;
    const double bend = difference([&](double u) { return slope(f, u); }, x);
    EXPECT_NEAR(curvature(f, x), bend, 1e-10 * (1.0 + std::fabs(bend) + std::fabs(expected))) << name << " at " << x;
  }
}
#define PERDITA_CHECK(formula, ...) \
  check(                            \
      #formula, [](auto x) { return formula; }, __VA_ARGS__)

const std::vector<double> everywhere = {-7.3, -2.1, -0.7, -0.1, 0.0, 0.05, 0.3, 0.9, 1.7, 4.2, 9.6};
const std::vector<double> positive = {0.1, 0.35, 0.8, 1.0, 1.46, 2.7, 6.1, 12.5};
const std::vector<double> not_zero = {-7.3, -2.1, -0.7, -0.2, 0.2, 0.9, 1.7, 4.2};

TEST(Dual, SmoothFunctions) {
  PERDITA_CHECK(exp(x), everywhere);
  PERDITA_CHECK(expm1(x), everywhere);
  PERDITA_CHECK(sigmoid(x), everywhere);
  PERDITA_CHECK(softplus(x), everywhere);
  PERDITA_CHECK(log_sigmoid(x), everywhere);
  PERDITA_CHECK(tanh(x), everywhere);
  PERDITA_CHECK(log_cosh(x), everywhere);
  PERDITA_CHECK(expm1_minus_x(x), everywhere);
  PERDITA_CHECK(hypot(x, 1.5), everywhere);
  PERDITA_CHECK(hypot(0.7, x), everywhere);
  PERDITA_CHECK(erf(x), everywhere);
  PERDITA_CHECK(square(x), everywhere);
  PERDITA_CHECK(-x * x * x + 3.0 * x - 2.0 / (x * x + 1.0), everywhere);
}

TEST(Dual, FunctionsOfPositiveNumbers) {
  PERDITA_CHECK(log(x), positive);
  PERDITA_CHECK(log1p(x), positive);
  PERDITA_CHECK(log1p_minus_x(x), positive);
  PERDITA_CHECK(log_ratio(x, 2.5), positive);
  PERDITA_CHECK(log_ratio(2.5, x), positive);
  PERDITA_CHECK(sqrt(x), positive);
  PERDITA_CHECK(lgamma(x), positive);
  PERDITA_CHECK(lgamma(x), {-0.4, -1.6, -2.5, -3.3});
  PERDITA_CHECK(xlogy(x, x), positive);
  PERDITA_CHECK(xlogy(x, 2.5), everywhere);
  PERDITA_CHECK(xlogy(2.5, x), positive);
}

// Once only: psi'' is not among our functions.
TEST(Dual, Digamma) {
  const auto psi = [](auto x) { return digamma(x); };
  for (double x : {-1.6, -0.4, 0.1, 0.8, 1.46, 7.9, 8.1, 30.0}) {
    EXPECT_NEAR(slope(psi, x), difference([&](double u) { return value(psi, u); }, x), 1e-8 * slope(psi, x)) << x;
  }
}

TEST(Dual, Powers) {
  PERDITA_CHECK(pow(x, x), positive);
  PERDITA_CHECK(pow(x, 2.0 * x + 1.0), positive);
  PERDITA_CHECK(pow(2.0, x), everywhere);
  PERDITA_CHECK(pow(x, 1.0), everywhere);
  PERDITA_CHECK(pow(x, 2), everywhere);
  PERDITA_CHECK(pow(x, 3.0), everywhere);
  PERDITA_CHECK(pow(x, 4.0), everywhere);
  PERDITA_CHECK(pow(x, 5.0), everywhere);
  PERDITA_CHECK(pow(x, -1.0), not_zero);
  PERDITA_CHECK(pow(x, 0.5), positive);
  PERDITA_CHECK(pow(x, 1.5), positive);
  PERDITA_CHECK(pow(x, -0.7), positive);
  EXPECT_EQ(slope([](auto x) { return pow(x, 0.0); }, 3.0), 0.0);
}

TEST(Dual, KinksAwayFromTheKink) {
  PERDITA_CHECK(abs(x), not_zero);
  PERDITA_CHECK(max(x, 0.5 * x), not_zero);
  PERDITA_CHECK(min(x, x * x), {-2.0, 0.5, 3.0});
  PERDITA_CHECK(clamp(x, -1.0, 1.0) * x, {-2.0, -0.5, 0.5, 2.0});
  PERDITA_CHECK(select(x < 1.0, x * x, 2.0 * x - 1.0), {-2.0, 0.5, 3.0});
  PERDITA_CHECK(select(x < 1.0, 2.0, x), {-2.0, 0.5, 3.0});
  PERDITA_CHECK(sign(x) * x, not_zero);
}

/// |got / expected - 1|
double relative(double got, double expected) { return std::fabs(got / expected - 1.0); }

// Where 1 - s, 1 - t^2 or e^x - 1 + 1 would have lost every digit.
TEST(Dual, SlopesInTheTailsAreExact) {
  for (double a : {1.0, 5.0, 20.0, 40.0, 100.0, 350.0, 700.0}) {
    for (double x : {a, -a}) {
      const long double e = std::exp(-static_cast<long double>(a)), r = 1.0L / (1.0L + e);
      const double below = static_cast<double>(e * r), above = static_cast<double>(r);
      EXPECT_LT(relative(slope([](auto u) { return sigmoid(u); }, x), static_cast<double>(e * r * r)), 1e-15) << x;
      EXPECT_LT(relative(slope([](auto u) { return softplus(u); }, x), x < 0 ? below : above), 1e-15) << x;
      EXPECT_LT(relative(slope([](auto u) { return log_sigmoid(u); }, x), x < 0 ? above : below), 1e-15) << x;
      EXPECT_LT(relative(slope([](auto u) { return tanh(u); }, x / 2), static_cast<double>(4 * e * r * r)), 1e-15) << x;
      EXPECT_LT(relative(slope([](auto u) { return expm1(u); }, -a), static_cast<double>(e)), 1e-15) << x;
      // and their slopes
      const double bend = static_cast<double>((x < 0 ? 1 : -1) * e * r * r * (1 - e) * r);
      EXPECT_LT(relative(curvature([](auto u) { return sigmoid(u); }, x), bend), 4e-15) << x;
      EXPECT_LT(relative(curvature([](auto u) { return softplus(u); }, x), static_cast<double>(e * r * r)), 4e-15) << x;
    }
  }
}

TEST(Dual, TiesFollowPyTorch) {
  const auto slope_at_0 = [](auto f) { return slope(f, 0.0); };
  EXPECT_EQ(slope_at_0([](auto x) { return abs(x); }), 0.0);
  EXPECT_EQ(slope_at_0([](auto x) { return sign(x); }), 0.0);
  EXPECT_EQ(slope_at_0([](auto x) { return max(x, 0.0); }), 0.5);
  EXPECT_EQ(slope_at_0([](auto x) { return min(x, 0.0); }), 0.5);
  EXPECT_EQ(slope_at_0([](auto x) { return max(x, 3.0 * x); }), 2.0);
  EXPECT_EQ(slope_at_0([](auto x) { return clamp_min(x, 0.0); }), 0.0);
  EXPECT_EQ(slope_at_0([](auto x) { return clamp_max(x, 0.0); }), 0.0);
  EXPECT_EQ(slope_at_0([](auto x) { return clamp(x, 0.0, 1.0); }), 0.0);
  EXPECT_EQ(slope_at_0([](auto x) { return max(x, 0.0) + log1p(exp(-abs(x))); }), 0.5);
}

// Of the value of a dual number that is differentiated itself.
TEST(Dual, TiesAreTheSameInSecondDerivatives) {
  const Dual<D> x{D{{0.0}, {1.0}}, D{{1.0}, {0.0}}};
  for (const Dual<D>& clamped : {clamp_min(x, 0.0), clamp_max(x, 0.0)}) {
    EXPECT_EQ(clamped.v.d[0], 0.0);
    EXPECT_EQ(clamped.d.v[0], 0.0);
  }
}

TEST(Dual, PowersAndXlogyAtZero) {
  const auto at = [](auto f, double x) { return slope(f, x); };
  EXPECT_EQ(at([](auto x) { return pow(x, 2.0); }, 0.0), 0.0);
  EXPECT_EQ(at([](auto x) { return pow(x, 1.0); }, 0.0), 1.0);
  EXPECT_EQ(at([](auto x) { return pow(x, 1.5); }, 0.0), 0.0);
  EXPECT_EQ(at([](auto x) { return pow(x, 0.5); }, 0.0), inf);
  EXPECT_EQ(at([](auto x) { return pow(0.0, x); }, 2.0), 0.0);
  EXPECT_EQ(at([](auto x) { return sqrt(x); }, 0.0), inf);
  EXPECT_EQ(at([](auto x) { return xlogy(0.0, x); }, 3.0), 0.0);
  EXPECT_EQ(at([](auto x) { return xlogy(0.0, x); }, 0.0), 0.0);
  EXPECT_EQ(at([](auto x) { return xlogy(x, 0.0); }, 0.0), 0.0);
  EXPECT_EQ(at([](auto x) { return xlogy(x, 1.0); }, 0.0), 0.0);
  EXPECT_EQ(at([](auto x) { return xlogy(x, std::exp(1.0)); }, 0.0), 1.0);
}

// A constant has no slope, at either level; nothing is left uninitialised.
TEST(Dual, ConstantsHaveNoSlope) {
  const Dual<D> one(1.0);
  EXPECT_EQ(one.v.v[0], 1.0);
  EXPECT_EQ(one.v.d[0], 0.0);
  EXPECT_EQ(one.d.v[0], 0.0);
  EXPECT_EQ(one.d.d[0], 0.0);
}

}  // namespace
}  // namespace perdita::test
