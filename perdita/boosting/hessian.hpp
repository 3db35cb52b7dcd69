// The second derivative that a booster is given: that of the loss, or a positive substitute.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/losses/any.hpp"

namespace perdita::boosting {

/// A policy for the second derivative h of a loss L with respect to a score, with the gradient g. Boosters divide by
/// sums of h, which must be positive.
enum class Hessian {
  automatic,  ///< see resolve()
  exact,      ///< the second derivative; for rows of classes, the diagonal
  /// The second derivative without its part that may be negative. Let u be the log-probability of the label and
  /// L = f(u). Then h = -f'(u) p (1 - p), which is p (1 - p) for cross-entropy. For logarithms of means it is the
  /// expected second derivative, at a target of exp(score). For values it is the second derivative.
  gauss_newton,
  /// An upper bound. 2 gauss_newton for classes: the row sums of the absolute Hessian of cross-entropy. For logarithms
  /// of means, the largest second derivative within 0.7 of the score, the default of max_delta_step in the boosters.
  /// For values, |g| / |y - t|: the curvature of the parabola that touches the loss at y and is symmetric about the
  /// target.
  bound,
  friedman,  ///< K / (K - 1) gauss_newton, for rows of K classes (Friedman, Ann. Statist. 29, 2001, algorithm 6)
  residual,  ///< |g|
  ones,      ///< 1, as in gradient descent
};
/// "auto", "exact", ...
std::string_view name_of(Hessian policy);
/// The policy of a name. Throws ValueError for another name.
Hessian parse_hessian(std::string_view name);

/// Relation of the score of a loss to its target, which decides what a policy means.
enum class ScoreKind {
  value,     ///< in the unit of the target
  log_mean,  ///< the logarithm of the expected target
  label,     ///< logit of a target in [0, 1]
  sign,      ///< score of a target of -1 or 1
  classes,   ///< logits of classes: one per class, or one for two classes
  any        ///< a formula of elements, whose scores have no known meaning
};

/// The kind of score of a loss. Throws ValueError for losses that are not functions of raw scores: of probabilities, of
/// vectors, of masks, of sequences, of groups.
ScoreKind score_kind_of(const AnyLoss& loss);

/// The policies that a loss has.
std::vector<Hessian> hessians_of(const AnyLoss& loss);

/// The policy itself, or for `automatic` the one of the loss:
///   - bound for rows of classes and for smooth losses of values,
///   - exact for convex losses of labels, signs and logarithms of means, and for formulas,
///   - gauss_newton for other losses of labels (focal, asymmetric),
///   - ones for losses of values that are not smooth, whose second derivative is 0 (l1, quantile).
/// A loss of classes with one score per row is one of labels: exact if it is convex, else gauss_newton.
/// Throws ValueError for a policy that the loss does not have.
Hessian resolve(Hessian policy, const AnyLoss& loss, bool is_one_score = false);

}  // namespace perdita::boosting
