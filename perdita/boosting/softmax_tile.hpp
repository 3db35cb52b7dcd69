// The softmax of a tile of rows, one row per lane, and the derivatives of a loss of log-probabilities with respect to
// the scores.
//
// With u_j = log p_j, L = sum_j f_j(u_j), and du_j / dz_k = [j = k] - p_k:
//     dL/dz_k   = f'_k - p_k S,                                             S = sum_j f'_j
//     d2L/dz_k2 = f''_k (1 - 2 p_k) + p_k^2 sum_j f''_j - S p_k (1 - p_k)
// If only the class of the label has a term, these are f' ([k is the label] - p_k) and
// f'' ([k is the label] - p_k)^2 - f' p_k (1 - p_k).
#pragma once

#include <cstdint>
#include <limits>

#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::boosting::detail {

/// A tile of scores [classes, lanes], `stride` elements between classes.
template <class T>
struct ScoreTile {
  const T* data;
  std::int64_t stride;
};

/// How h follows from the derivatives: exact, or factor times -S p (1 - p).
struct CurvatureOfClasses {
  bool is_exact;
  double factor;
};

/// Exponentials of scores minus the largest one, [classes, count], and per row: 1 / their sum, the log-probability of
/// the label (`labels` as numbers), and its complement 1 - p. Exponentials of the other classes are summed apart, so
/// that neither cancels.
template <class T>
struct SoftmaxTileKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, ScoreTile<T> scores, const T* labels, T* exponentials, std::int64_t stride,
                                 T* reciprocal, T* log_p, T* complement, std::int64_t classes,
                                 std::int64_t count) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      P largest(-std::numeric_limits<double>::infinity());
      for (std::int64_t k = 0; k < classes; ++k) largest = max(largest, P::load(scores.data + k * scores.stride + i));
      const P label = P::load(labels + i);
      P others(0.0), own(0.0), own_score(0.0), number(0.0);
      for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
        const P z = P::load(scores.data + k * scores.stride + i) - largest;
        const P e = perdita::detail::exp_of_difference(z);
        e.store(exponentials + k * stride + i);
        const auto is_own = label == number;
        own = select(is_own, e, own);
        own_score = select(is_own, z, own_score);
        others = others + zero_unless(!is_own, e);
      }
      const P total = others + own, inverse = 1.0 / total;
      inverse.store(reciprocal + i);
      select(own_score == 0.0, -log1p(others), own_score - log(total)).store(log_p + i);
      (others * inverse).store(complement + i);
    }
  }
};

/// Gradients (over the exponentials) and Hessians [classes, count] of a loss of the label's class, from f' and f''.
template <class T>
struct LabelChainKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* labels, const T* reciprocal, const T* complement, const T* first,
                                 const T* second, T* g, T* h, std::int64_t stride, std::int64_t classes,
                                 std::int64_t count, CurvatureOfClasses curvature) const {
    using P = typename Target::template pack<T>;
    const P factor(curvature.factor);
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P label = P::load(labels + i), inverse = P::load(reciprocal + i), wrong = P::load(complement + i);
      const P slope = P::load(first + i), scaled = -slope * (curvature.is_exact ? P(1.0) : factor);
      P number(0.0);
      for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
        T* const at = g + k * stride + i;
        const P p = P::load(at) * inverse;
        const auto is_own = label == number;
        const P rest = select(is_own, wrong, 1.0 - p), along = select(is_own, wrong, -p);
        P hessian = scaled * p * rest;
        if (curvature.is_exact) hessian = hessian + P::load(second + i) * along * along;
        (slope * along).store(at);
        hessian.store(h + k * stride + i);
      }
    }
  }
};

/// Log-probabilities [classes, count] of all classes from the scores, the exponentials and 1 / their sum.
template <class T>
struct LogProbabilityKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, ScoreTile<T> scores, const T* reciprocal, T* log_p, std::int64_t stride,
                                 std::int64_t classes, std::int64_t count) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      P largest(-std::numeric_limits<double>::infinity());
      for (std::int64_t k = 0; k < classes; ++k) largest = max(largest, P::load(scores.data + k * scores.stride + i));
      const P log_total = -log(P::load(reciprocal + i));
      for (std::int64_t k = 0; k < classes; ++k) {
        const P z = P::load(scores.data + k * scores.stride + i) - largest;
        (z - log_total).store(log_p + k * stride + i);
      }
    }
  }
};

/// Gradients (over the exponentials) and Hessians (over f'') of a loss of all classes, from f' and f'' [classes,
/// count].
template <class T>
struct AllClassesChainKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* reciprocal, const T* first, T* g, T* h, std::int64_t stride,
                                 std::int64_t classes, std::int64_t count, CurvatureOfClasses curvature) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P inverse = P::load(reciprocal + i);
      P slopes(0.0), seconds(0.0);
      for (std::int64_t k = 0; k < classes; ++k) {
        slopes = slopes + P::load(first + k * stride + i);
        if (curvature.is_exact) seconds = seconds + P::load(h + k * stride + i);
      }
      for (std::int64_t k = 0; k < classes; ++k) {
        const std::int64_t at = k * stride + i;
        const P p = P::load(g + at) * inverse, expected = -slopes * p * (1.0 - p);
        P hessian = P(curvature.factor) * expected;
        if (curvature.is_exact) hessian = P::load(h + at) * (1.0 - 2.0 * p) + p * p * seconds + expected;
        (P::load(first + at) - p * slopes).store(g + at);
        hessian.store(h + at);
      }
    }
  }
};

}  // namespace perdita::boosting::detail
