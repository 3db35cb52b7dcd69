// Arithmetic with intervals of numbers of many bits: the exact value of a formula lies between the ends.
#pragma once

#include <mpfr.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita::rewriting {

/// The ends of an interval. Both are NaN if the value is not defined, or if the intervals of the operands are too wide
/// to determine it.
struct WideInterval {
  mpfr_ptr low, high;
};

/// An array of intervals of one precision.
class WideIntervals {
 public:
  WideIntervals(std::size_t count, int bits);

  WideInterval operator[](std::size_t i) const { return {&ends_[2 * i], &ends_[2 * i + 1]}; }

 private:
  std::unique_ptr<__mpfr_struct[]> ends_;
  std::unique_ptr<mp_limb_t[]> limbs_;  // of all ends
};

void set(const WideInterval& out, double number);
/// A constant of a formula. The double next to log 2, pi or e stands for that number: log(2) is read as one.
void set_constant(const WideInterval& out, double number);
bool is_named_constant(double number);
void set(const WideInterval& out, const WideInterval& x);
void set_unknown(const WideInterval& out);

/// Whether there is a form of the operation for intervals: of all but trigamma.
bool has_wide_form(Op op);

/// The interval of op(operands).
void apply(Op op, const WideInterval& out, std::span<const WideInterval> operands);

bool is_unknown(const WideInterval& x);
/// Whether the interval is narrow enough to determine so many bits of the number.
bool has_bits(const WideInterval& x, int bits);
/// Whether the intervals have a number in common; they are known.
bool overlap(const WideInterval& a, const WideInterval& b);

}  // namespace perdita::rewriting
