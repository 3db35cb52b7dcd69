// The error of a formula in float32 and float64, in bits.
#pragma once

#include <array>
#include <vector>

#include "perdita/core/dtype.hpp"
#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/domain.hpp"

namespace perdita::rewriting {

/// log2(1 + distance) for the number of floating-point numbers between a computed value and the exact one, as Panchekha
/// et al. (Herbie, PLDI 2015, section 4.2) measure errors; NaN and the wrong infinity count as all bits of the type.
double bits_of_error(double computed, double exact, DType dtype);

/// Above what FormAccuracy::bits are at a point where value and derivative are within 4 ULP in both types.
inline constexpr double exact_bits = 1.1;

/// d(formula)/d(variable 0), as it is derived for kernels.
Expr slope_of(const Expr& formula);

/// The errors of a formula at points where its exact value is known and representable.
struct Accuracy {
  double mean_bits = 0, worst_bits = 0;
  double share_beyond = 0;  ///< of the points with an error of more than 4 ULP
  std::size_t worst_point = 0, count = 0;
};

/// The errors of a form of a formula.
struct FormAccuracy {
  /// The bits of error at each point: value and derivative in float32, and half of those in float64. Errors of up to 4
  /// ULP count little. NaN where the exact value is not known.
  std::vector<double> bits;
  /// In float32 and float64: the mean error of value and derivative, and the larger one of the shares of points where
  /// they are more than 4 ULP off.
  std::array<double, 2> mean_bits{}, share_beyond{};
};

/// A formula of variable 0 and others, and its derivative with respect to variable 0, at some points.
class Measurement {
 public:
  Measurement(const Expr& formula, Points points);

  /// Values and derivatives of an equal formula, in float32 and float64.
  struct Result {
    std::array<Accuracy, 2> value, slope;  ///< float32, float64
  };
  /// float32_in_float64: float32 is computed in float64, and rounded.
  Result of(const Expr& formula, bool float32_in_float64 = false) const;
  /// The same at each point, in short.
  FormAccuracy of_form(const Expr& formula) const;

  /// The points at which errors are measured.
  const Points& points() const { return points_; }
  /// The number of points where the value is known.
  std::size_t known() const;

 private:
  Points points_;
  std::vector<double> values_, slopes_;  // exact
};

/// The time of value and derivative of elements of float32 on one thread, measured with ordinary numbers of the domain.
double nanoseconds_per_element(const Expr& formula, const Domain& domain, DType computing_type);

}  // namespace perdita::rewriting
