// Gradient and Hessian of blocks of elements by each policy.
#pragma once

#include <cmath>

#include "perdita/boosting/blocks.hpp"
#include "perdita/math/logit.hpp"

namespace perdita::boosting::detail {

/// Curvature of losses of labels between 0 and 1: the mean of |g| p over labels 1 and 0, with gradients g1 and g0.
template <class T>
struct SoftLabelCurvatureKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* y, const T* t, const T* g1, const T* g0, T* h, std::int64_t count,
                                 double factor) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P score = P::load(y + i), target = P::load(t + i);
      const P positive = target * abs(P::load(g1 + i)) * sigmoid(score);
      const P negative = (1.0 - target) * abs(P::load(g0 + i)) * sigmoid(-score);
      (P(factor) * (positive + negative)).store(h + i);
    }
  }
};

/// |g| / |y - t|, and h where y is t.
template <class T>
struct SecantKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* y, const T* t, const T* g, T* h, std::int64_t count) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P distance = abs(P::load(y + i) - P::load(t + i));
      select(distance > 0.0, abs(P::load(g + i)) / distance, P::load(h + i)).store(h + i);
    }
  }
};

/// to[i] = exp(from[i])
template <class T>
struct ExpKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* from, T* to, std::int64_t count) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) exp(P::load(from + i)).store(to + i);
  }
};

/// Log-probability u of the label of two classes with logits 0 and y, its probability p, and q = 1 - p.
template <class T>
struct TwoClassKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* y, const T* t, T* u, T* p, T* q, std::int64_t count) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P score = P::load(y + i), own = select(P::load(t + i) > 0.5, score, -score);
      const auto f = perdita::detail::logistic_functions(abs(own));
      const auto is_wrong = own < 0.0;
      (select(is_wrong, own, P(0.0)) - f.price).store(u + i);
      select(is_wrong, f.unlikely, f.likely).store(p + i);
      select(is_wrong, f.likely, f.unlikely).store(q + i);
    }
  }
};

/// Derivatives with respect to y from those of f(u) (in g and h): du/dy = +-q, d2u/dy2 = -p q. `factor` is that of
/// -f'(u) p q, or 0 for the exact second derivative f''(u) q^2 - f'(u) p q.
template <class T>
struct TwoClassChainKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* t, const T* p, const T* q, T* g, T* h, std::int64_t count,
                                 double factor) const {
    using P = typename Target::template pack<T>;
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P slope = P::load(g + i), own = P::load(p + i), other = P::load(q + i);
      const P expected = -slope * own * other;
      const P hessian = factor == 0.0 ? P::load(h + i) * other * other + expected : P(factor) * expected;
      const P along = slope * other;
      select(P::load(t + i) > 0.5, along, -along).store(g + i);
      hessian.store(h + i);
    }
  }
};

/// A loss of elements with its policy. compute() fills g and h of a block of scores y and targets t.
template <class T>
class ElementPolicy {
 public:
  static constexpr std::int64_t scratch_arrays = 3;

  ElementPolicy(const AnyLoss& loss, Hessian policy)
      : function_(element_function<T>(loss)), kind_(score_kind_of(loss)), policy_(policy) {
    if (kind_ == ScoreKind::classes) ones_.assign(static_cast<std::size_t>(block_elements), T(1));
  }

  void compute(const T* y, const T* t, std::int64_t count, T* g, T* h, T* const* scratch) const {
    if (kind_ == ScoreKind::classes) return compute_two_classes(y, t, count, g, h, scratch);
    const bool is_secant = policy_ == Hessian::bound && kind_ == ScoreKind::value;
    const bool is_linear = policy_ == Hessian::gauss_newton && kind_ == ScoreKind::value;
    const bool wants_second = policy_ == Hessian::exact || is_secant || is_linear;
    const bool is_substitute = policy_ == Hessian::gauss_newton || policy_ == Hessian::bound;
    if (is_substitute && (kind_ == ScoreKind::label || kind_ == ScoreKind::sign))
      return label_curvature(y, t, count, g, h, scratch);
    function_({y, t, count, nullptr, g, wants_second ? h : nullptr});
    if (is_secant) return run(SecantKernel<T>{}, y, t, g, h, count);
    if (is_substitute && kind_ == ScoreKind::log_mean)
      policy_ == Hessian::bound ? largest_nearby(y, t, count, h, scratch) : expected(y, count, h, scratch);
  }

  /// Values and derivatives without a policy.
  void differentiate(const T* y, const T* t, std::int64_t count, T* values, T* g, T* h, T* const* scratch) const {
    if (kind_ != ScoreKind::classes) return function_({y, t, count, values, g, h});
    run(TwoClassKernel<T>{}, y, t, scratch[0], scratch[1], scratch[2], count);
    function_({scratch[0], ones_.data(), count, values, g, h});
    run(TwoClassChainKernel<T>{}, t, scratch[1], scratch[2], g, h, count, 0.0);
  }

 private:
  void compute_two_classes(const T* y, const T* t, std::int64_t count, T* g, T* h, T* const* scratch) const {
    const bool is_exact = policy_ == Hessian::exact;
    const double factor = is_exact ? 0 : policy_ == Hessian::gauss_newton ? 1 : 2;
    run(TwoClassKernel<T>{}, y, t, scratch[0], scratch[1], scratch[2], count);
    function_({scratch[0], ones_.data(), count, nullptr, g, is_exact ? h : nullptr});
    run(TwoClassChainKernel<T>{}, t, scratch[1], scratch[2], g, h, count, factor);
  }

  /// h without its part that may be negative. Let u = log p = log_sigmoid(s) be the log-probability of the label, s =
  /// +-y, and L = f(u): |g| = |f'(u)| (1 - p), and -f'(u) p (1 - p) is |g| p.
  void label_curvature(const T* y, const T* t, std::int64_t count, T* g, T* h, T* const* scratch) const {
    const double factor = policy_ == Hessian::bound ? 2 : 1;
    bool is_soft = false;
    if (kind_ == ScoreKind::label)
      for (std::int64_t i = 0; i < count; ++i) is_soft |= t[i] != T(0) && t[i] != T(1);
    if (!is_soft) return function_({y, t, count, nullptr, g, h, factor});
    function_({y, t, count, nullptr, g, nullptr});
    for (const int label : {1, 0}) {
      std::fill(scratch[2], scratch[2] + padded(count), static_cast<T>(label));
      function_({y, scratch[2], count, nullptr, scratch[1 - label], nullptr});
    }
    run(SoftLabelCurvatureKernel<T>{}, y, t, static_cast<const T*>(scratch[0]), static_cast<const T*>(scratch[1]), h,
        count, factor);
  }

  /// The second derivative at the target exp(y).
  void expected(const T* y, std::int64_t count, T* h, T* const* scratch) const {
    run(ExpKernel<T>{}, y, scratch[0], count);
    function_({y, scratch[0], count, nullptr, scratch[1], h});
  }

  /// The larger of the second derivatives at y - 0.7 and y + 0.7: they are sums of exponentials, which are convex.
  void largest_nearby(const T* y, const T* t, std::int64_t count, T* h, T* const* scratch) const {
    constexpr double step = 0.7;
    const auto at = [&](double shift, T* second) {
      for (std::int64_t i = 0; i < padded(count); ++i) scratch[0][i] = y[i] + static_cast<T>(shift);
      function_({scratch[0], t, count, nullptr, scratch[1], second});
    };
    at(-step, scratch[2]);
    at(step, h);
    for (std::int64_t i = 0; i < padded(count); ++i) h[i] = std::max(h[i], scratch[2][i]);
  }

  ElementFunction<T> function_;
  ScoreKind kind_;
  Hessian policy_;
  std::vector<T> ones_;
};

}  // namespace perdita::boosting::detail
