// The constant score that minimizes a loss: where boosting starts.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/boosting/loss_sum.hpp"

namespace perdita::boosting {

/// The score c that minimizes the weighted sum of the losses of c and each target:
///
/// - the weighted mean for mse, its logarithm for losses of logarithms of means, its logit for cross-entropy,
/// - the weighted median or quantile for l1 and quantile: the smallest target up to which the weights have the share
/// q,
/// - otherwise the result of Newton's method, safeguarded by bisection, to about 12 digits. For a loss that is not
/// convex it is a local minimum.
///
/// Means of labels are limited to 1e-15..1 - 1e-15, and means of counts to 1e-300 and above, so that the score is
/// finite. weights may be absent. Throws ValueError for no targets, weights that are negative, not finite or all 0, and
/// as element_pairs().
double minimize_constant(const LossSum& loss, Strided<const double> targets, Strided<const double> weights,
                         std::int64_t count);

/// The same for rows of classes, one score per class with mean 0: the centred logarithms of the classes' shares for
/// cross_entropy, otherwise by descent with the Hessian `bound`. A class without samples has the share 1e-15.
std::vector<double> minimize_constant_of_classes(const LossSum& loss, Strided<const std::int32_t> labels,
                                                 Strided<const double> weights, std::int64_t rows, std::int64_t classes,
                                                 const std::vector<double>& class_counts = {});

}  // namespace perdita::boosting
