// Formulas rewritten such that value and derivative are exact.
#pragma once

#include <cstdint>
#include <string>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/accuracy.hpp"
#include "perdita/rewriting/domain.hpp"
#include "perdita/rewriting/reference.hpp"

namespace perdita {

/// How stabilize() searches.
struct StabilizeOptions {
  std::string domain = "";  ///< conditions of the inputs: "y > 0, t in 0..1", "t = -1, 1", "t = 0, 1, 2, ..."
  double seconds = 2;       ///< of processor time, after which no further forms are looked for
  std::uint64_t seed = 1;   ///< of the points where forms are measured and compared
  std::size_t compared_points = 10000;  ///< where the best form is compared with the formula; fewer for long formulas
};

/// What stabilize() found.
struct Stabilized {
  Expr original;
  Expr formula;  ///< an equal one, or the original if none is better
  bool is_changed = false;
  /// Whether elements of float32 should be computed in float64: no form was found that is exact in float32, and then
  /// `formula` is. The errors in `after` are measured in this way.
  bool compute_in_float64 = false;
  rewriting::Domain domain = {};
  rewriting::Points points = {};                           ///< where both were measured
  rewriting::Measurement::Result before = {}, after = {};  ///< the errors of the original, and of `formula`
  /// Of value and derivative of an element of float32, measured on one thread.
  double nanoseconds_before = 0, nanoseconds_after = 0;
  std::size_t drawn = 0;                  ///< points where both were compared
  rewriting::Comparison comparison = {};  ///< of the original with `formula`, in 200 bits
};

/// An equal formula whose value, and derivative with respect to input 0, are more exact in float32 and float64: without
/// overflow of intermediate results, and without cancellation.
///
/// Equal forms are found by rewriting with identities. Each is compared, at points of the domain, with
/// interval arithmetic whose precision is increased until the value is known; two forms may be joined by select(). The
/// best one is then compared with the original in 200 bits at 10,000 further points. Constants stay symbolic: a form
/// does not depend on their values, except short ones such as 0, 1 and 0.5. Formulas of more than 300 operations are
/// measured, and not rewritten.
///
/// Throws ValueError if the formula is not defined at any point of the domain, does not depend on input 0, or has
/// trigamma in it, and for conditions that are not understood.
///
///     const Expr y = Expr::input(0, "y");
///     to_text(stabilize(log(1.0 + exp(y))).formula)     // "softplus(y)"
///
/// Source: Panchekha, Sanchez-Stern, Wilcox and Tatlock, Automatically improving accuracy for floating point
/// expressions, PLDI 2015; Willsey et al., egg: fast and extensible equality saturation, POPL 2021.
Stabilized stabilize(const Expr& formula, const StabilizeOptions& options = {});

}  // namespace perdita
