#include "perdita/rewriting/wide_interval.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/expr/fold.hpp"
#include "perdita/rewriting/reference.hpp"

namespace perdita::rewriting {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// op(x) or op(x, y) in 200 bits.
struct Computed {
  WideIntervals values{3, 200};
  Computed(Op op, double x, double y = 0) {
    set(values[1], x);
    set(values[2], y);
    const WideInterval operands[] = {values[1], values[2]};
    apply(op, values[0], std::span(operands).first(static_cast<std::size_t>(arity(op))));
  }
  WideInterval result() const { return values[0]; }
  bool contains(double number) const {
    return mpfr_cmp_d(result().low, number) <= 0 && mpfr_cmp_d(result().high, number) >= 0;
  }
};

/// Packs compute the same functions, independently.
TEST(WideInterval, AsTheFunctionsOfPacks) {
  for (int number = 0; number < static_cast<int>(Op::select); ++number) {
    const Op op = static_cast<Op>(number);
    if (arity(op) == 0 || !has_wide_form(op) || op == Op::zero_unless) continue;
    for (const double x : {-3.5, -1.0, -0.3, 1e-3, 0.4, 1.0, 2.75, 30.0}) {
      for (const double y : {-2.0, -0.7, 0.3, 1.0, 4.5}) {
        const double expected = arity(op) == 1 ? fold(op, x) : fold(op, x, y);
        const Computed found(op, x, y);
        if (is_unknown(found.result())) {
          EXPECT_TRUE(std::isnan(expected) || op == Op::lgamma || op == Op::digamma)
              << name_of(op) << ' ' << x << ' ' << y;
          continue;
        }
        if (std::isinf(expected)) {
          EXPECT_EQ(mpfr_get_d(found.result().low, MPFR_RNDN), expected) << name_of(op) << ' ' << x << ' ' << y;
          continue;
        }
        EXPECT_NEAR(mpfr_get_d(found.result().low, MPFR_RNDN), expected, 1e-14 * std::abs(expected))
            << name_of(op) << ' ' << x << ' ' << y;
        EXPECT_TRUE(has_bits(found.result(), 150)) << name_of(op) << ' ' << x << ' ' << y;
      }
    }
  }
}

TEST(WideInterval, KnowsWhatItDoesNotKnow) {
  EXPECT_TRUE(is_unknown(Computed(Op::log, -1).result()));
  EXPECT_TRUE(is_unknown(Computed(Op::divide, 1, 0).result()));
  EXPECT_FALSE(has_bits(Computed(Op::exp, 1e30).result(), 1));   // beyond the exponents
  EXPECT_FALSE(has_bits(Computed(Op::exp, -1e30).result(), 1));  // between 0 and the smallest number
  EXPECT_TRUE(Computed(Op::log, 0).contains(-inf));
  WideIntervals values(2, 100);
  set(values[0], 1.0);
  mpfr_set_d(values[0].low, -1.0, MPFR_RNDD);  // from -1 to 1
  const WideInterval operands[] = {values[0]};
  apply(Op::log, values[1], operands);
  EXPECT_TRUE(is_unknown(values[1]));
  apply(Op::square, values[1], operands);
  EXPECT_EQ(mpfr_cmp_d(values[1].low, 0), 0);
  EXPECT_EQ(mpfr_cmp_d(values[1].high, 1), 0);
}

/// What cancels takes more bits; the values are those of the series.
TEST(Reference, Cancellation) {
  const Expr y = Expr::input(0, "y");
  const Points points{{{1e-30, -1e-40, 0.0}}};
  const Expr formulas[] = {exp(y) - 1.0 - y, sqrt(1.0 + y * y) - 1.0, log(1.0 + exp(y * 1e33)) - y * 1e33};
  const auto values = exact_values(formulas, points);
  EXPECT_DOUBLE_EQ(values[0][0], 0.5e-60);
  EXPECT_DOUBLE_EQ(values[0][1], 0.5e-80);
  EXPECT_DOUBLE_EQ(values[1][0], 0.5e-60);
  EXPECT_DOUBLE_EQ(values[2][0], std::exp(-1000.0) == 0 ? 0 : std::exp(-1000.0));
  for (const auto& of_formula : {values[0], values[1]}) EXPECT_EQ(of_formula[2], 0);
}

TEST(Reference, Comparison) {
  const Expr y = Expr::input(0, "y");
  const Points points{{{1.0, 2.0, -1.0, 1e-40}}};
  EXPECT_EQ(compare_values(log(1.0 + exp(y)), softplus(y), points).compared, 4u);
  EXPECT_FALSE(compare_values(log(1.0 + exp(y)), softplus(y), points).differs);
  EXPECT_EQ(compare_values(log(y), log(y) + 0.0 * log(y), points).compared, 3u);  // not at -1
  EXPECT_EQ(compare_values(y, exp(log(y)), points).only_first, 1u);
  EXPECT_EQ(compare_values(exp(log(y)), y, points).only_second, 1u);
  EXPECT_EQ(compare_values(y * y, y, points).differs, 1u);
  EXPECT_EQ(compare_values(y, y + y * y * 1e-20, points).differs, 0u);
}

}  // namespace
}  // namespace perdita::rewriting
