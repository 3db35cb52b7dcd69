// Random formulas, all of whose values and slopes are of moderate size.
#pragma once

#include <vector>

#include "perdita/core/random.hpp"
#include "perdita/expr/expr.hpp"

namespace perdita::test {

/// A formula of about `operations` operations on inputs a, b, c, with shared subexpressions: a pure function of the
/// seed.
inline Expr random_formula(std::uint64_t seed, int operations) {
  const Philox random(seed);
  std::uint64_t draws = 0;
  const auto below = [&](std::uint64_t bound) { return random.below(draws++, bound); };
  std::vector<Expr> pool = {Expr::input(0, "a"), Expr::input(1, "b"), Expr::input(2, "c"), 0.75, -1.5, 2.0};
  const auto pick = [&] { return pool[below(pool.size())]; };
  for (int i = 0; i < operations; ++i) {
    const Expr p = pick(), q = pick(), positive = 1.0 + square(tanh(q));
    const Expr choices[] = {abs(p),
                            0.5 * square(tanh(p)),
                            sqrt(positive),
                            exp(tanh(p)),
                            expm1(tanh(p)),
                            log(positive),
                            log1p(square(p)),
                            sigmoid(p),
                            log_sigmoid(p),
                            softplus(p),
                            tanh(p),
                            log_cosh(p),
                            expm1_minus_x(tanh(p)),
                            log1p_minus_x(square(p)),
                            log_ratio(positive, 1.0 + square(p)),
                            hypot(p, q),
                            erf(p),
                            lgamma(0.5 + softplus(p)),
                            digamma(0.5 + softplus(p)),
                            -p,
                            p + q,
                            p - q,
                            tanh(p) * q,
                            p / positive,
                            min(p, q),
                            max(p, q),
                            clamp_min(p, q),
                            clamp_max(p, q),
                            pow(positive, 1.7),
                            pow(positive, tanh(p)),
                            pow(tanh(p), 3.0),
                            xlogy(tanh(p), positive),
                            flip_sign(p, q),
                            zero_unless(p < q, p),
                            select((p < q) | (p > 1.0), p, q),
                            clamp(p, -1.0, 1.5),
                            select((!(p >= q)) & (p != 0.5), tanh(p), sign(q) * p)};
    pool.push_back(choices[below(std::size(choices))]);
  }
  return pool.back() + pick() * 0.5;
}

}  // namespace perdita::test
