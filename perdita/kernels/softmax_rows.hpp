// Softmax losses along contiguous classes: a row is read from memory once and stays in cache.
#pragma once

#include <algorithm>
#include <limits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/softmax_task.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

template <class Formula, class T>
struct SoftmaxRowsKernel {
  using Number = Pack<double, 1>;  // what is computed once a row is computed in double

  /// Room for exponentials, slopes and targets of one row, each padded to whole registers.
  static std::size_t scratch_bytes(const SoftmaxTask<T>& task) { return 3 * padded(task.layout.classes) * sizeof(T); }
  static std::size_t padded(std::int64_t classes) { return static_cast<std::size_t>(classes + 63) / 64 * 64; }

  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, SoftmaxTask<T> task, std::int64_t begin, std::int64_t end,
                                   T* scratch) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes;
    T* const slopes = scratch + padded(classes);
    T* const targets = slopes + padded(classes);
    const bool streaming = perdita::detail::is_worth_streaming(
        task.gradient, static_cast<std::size_t>(task.layout.rows() * classes) * sizeof(T));
    const T background = static_cast<T>(task.label_smoothing / static_cast<double>(classes));
    for (std::int64_t k = 0; task.is_dense() && k < classes; ++k) targets[k] = background;

    double total = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const logits = task.logits + row * classes;
      T* const gradient = task.gradient ? task.gradient + row * classes : nullptr;
      const std::int32_t label = task.labels ? task.labels[row] : 0;
      double loss = 0;
      if (label < 0) {
        if (gradient) std::fill(gradient, gradient + classes, T(0));
      } else if (!task.is_dense()) {
        loss = sparse_row<P>(formula, task, logits, gradient, label, scratch, streaming);
      } else {
        const T* row_targets = task.probabilities + row * classes;
        if (task.labels) {
          targets[label] = static_cast<T>(1 - task.label_smoothing) + background;
          row_targets = targets;
        }
        loss = dense_row<P>(formula, task, logits, row_targets, gradient, scratch, slopes, streaming);
        targets[label] = background;
      }
      total += loss;
      if (task.losses) task.losses[row] = static_cast<T>(loss);
      if (task.margins || task.hits) write_margin<P>(task, logits, label, row);
    }
    if (streaming) perdita::detail::end_streaming();
    return total;
  }

 private:
  template <class P>
  PERDITA_INLINE static P larger(const P& a, const P& b) {
    return P::of(perdita::detail::opaque(
        a.raw > b.raw ? a.raw : b.raw));  // a NaN may be lost here: it comes back with the exponentials
  }

  template <class P>
  PERDITA_INLINE static T largest(const T* z, std::int64_t begin, std::int64_t end) {
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    P m0(lowest), m1(lowest), m2(lowest), m3(lowest);
    std::int64_t k = begin;
    for (; k + 4 * P::lanes <= end; k += 4 * P::lanes) {
      m0 = larger(m0, P::load(z + k));
      m1 = larger(m1, P::load(z + k + P::lanes));
      m2 = larger(m2, P::load(z + k + 2 * P::lanes));
      m3 = larger(m3, P::load(z + k + 3 * P::lanes));
    }
    for (; k + P::lanes <= end; k += P::lanes) m0 = larger(m0, P::load(z + k));
    if (k < end) m1 = larger(m1, P::load_first(z + k, static_cast<std::size_t>(end - k), static_cast<T>(lowest)));
    return horizontal_max(larger(larger(m0, m1), larger(m2, m3)));
  }

  /// exp(z - shift) into `exponentials`; returns their sum. Lanes past the end are written as zeros.
  template <class P>
  PERDITA_INLINE static double exponentiate(const T* z, std::int64_t classes, T shift, T* exponentials) {
    const P s(static_cast<double>(shift));
    double total = 0;
    std::int64_t k = 0;
    while (k + 2 * P::lanes <= classes) {
      const std::int64_t pairs = std::min<std::int64_t>((classes - k) / (2 * P::lanes), 32);
      P sum0(0.0), sum1(0.0);
      for (std::int64_t i = 0; i < pairs; ++i, k += 2 * P::lanes) {
        const P e0 = exp(P::load(z + k) - s), e1 = exp(P::load(z + k + P::lanes) - s);
        e0.store(exponentials + k);
        e1.store(exponentials + k + P::lanes);
        sum0 = sum0 + e0;
        sum1 = sum1 + e1;
      }
      total += static_cast<double>(horizontal_sum(sum0 + sum1));
    }
    for (; k < classes; k += P::lanes) {
      const auto left = static_cast<std::size_t>(classes - k);
      const P logits =
          left >= P::lanes ? P::load(z + k) : P::load_first(z + k, left, -std::numeric_limits<T>::infinity());
      const P e = exp(logits - s);
      e.store(exponentials + k);
      total += static_cast<double>(horizontal_sum(e));
    }
    return total;
  }

  /// The sum of all but exponential `label`, which would cancel in a subtraction where that one is most of the sum.
  template <class P>
  PERDITA_INLINE static double sum_of_others(T* exponentials, std::int64_t classes, std::int32_t label, double total) {
    const T own = exponentials[label];
    if (!(static_cast<double>(own) > 0.5 * total)) return total - static_cast<double>(own);
    exponentials[label] = T(0);
    double others = 0;
    for (std::int64_t k = 0; k < classes;) {
      P sum(0.0);
      for (int i = 0; i < 32 && k < classes; ++i, k += P::lanes) sum = sum + P::load(exponentials + k);
      others += static_cast<double>(horizontal_sum(sum));
    }
    exponentials[label] = own;
    return others;
  }

  /// out[k] = factor * in[k], past the cache if asked; `in` is padded, `out` is not.
  template <class P>
  PERDITA_INLINE static void scale_into(T* out, const T* in, std::int64_t count, T factor, bool streaming) {
    const P f(static_cast<double>(factor));
    std::int64_t k = 0;
    if (streaming) {
      const std::size_t past_line = reinterpret_cast<std::uintptr_t>(out) % sizeof(P);
      if (past_line) {
        k = std::min<std::int64_t>(count, static_cast<std::int64_t>((sizeof(P) - past_line) / sizeof(T)));
        (f * P::load(in)).store_first(out, static_cast<std::size_t>(k));
      }
      for (; k + P::lanes <= count; k += P::lanes) perdita::detail::stream_pack(out + k, f * P::load(in + k));
    } else {
      for (; k + P::lanes <= count; k += P::lanes) (f * P::load(in + k)).store(out + k);
    }
    for (; k < count; ++k) out[k] = factor * in[k];
  }

  // t is 1 at the label: one evaluation of the formula. log p is taken from the sum of the others where the label has
  // the largest logit, so that neither a loss near 0 nor its gradient p - 1 cancels.
  template <class P>
  PERDITA_INLINE static double sparse_row(const Formula& formula, const SoftmaxTask<T>& task, const T* logits,
                                          T* gradient, std::int32_t label, T* exponentials, bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const T largest_logit = largest<P>(logits, 0, classes);
    const double own_logit = static_cast<double>(logits[label]) - static_cast<double>(largest_logit);
    const double total = exponentiate<P>(logits, classes, largest_logit, exponentials);
    const double others = sum_of_others<P>(exponentials, classes, label, total);
    const Number log_p = own_logit == 0 ? -log1p(Number(others)) : Number(own_logit) - log(Number(total));
    const Dual<Number> result = formula(Dual<Number>{log_p, Number(1.0)}, Number(1.0));
    const double weight = task.class_weights ? static_cast<double>(task.class_weights[label]) : 1.0;
    if (gradient) {
      const double slope = result.d[0] * weight * task.scale;
      scale_into<P>(gradient, exponentials, classes, static_cast<T>(-slope / total), streaming);
      gradient[label] = static_cast<T>(slope * (others / total));
    }
    return result.v[0] * weight;
  }

  template <class P>
  PERDITA_INLINE static double dense_row(const Formula& formula, const SoftmaxTask<T>& task, const T* logits,
                                         const T* targets, T* gradient, T* exponentials, T* slopes, bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const T largest_logit = largest<P>(logits, 0, classes);
    const double total = exponentiate<P>(logits, classes, largest_logit, exponentials);
    const P shift(static_cast<double>(largest_logit)), log_total(log(Number(total))[0]);
    // Class probabilities are smoothed here; those of an index already are.
    const P keep(task.labels ? 1.0 : 1 - task.label_smoothing);
    const P spread(task.labels ? 0.0 : task.label_smoothing / static_cast<double>(classes));
    double loss = 0, slope_sum = 0;
    for (std::int64_t k = 0; k < classes; k += P::lanes) {
      const auto count = static_cast<std::size_t>(std::min<std::int64_t>(P::lanes, classes - k));
      const bool whole = count == P::lanes;
      const P z = whole ? P::load(logits + k) : P::load_first(logits + k, count, largest_logit);
      const P t = (whole ? P::load(targets + k) : P::load_first(targets + k, count)) * keep + spread;
      Dual<P> term = formula(Dual<P>{(z - shift) - log_total, P(1.0)}, t);
      if (task.class_weights) {
        const P w = whole ? P::load(task.class_weights + k) : P::load_first(task.class_weights + k, count);
        term.v = term.v * w;
        term.d = term.d * w;
      }
      if (!whole) {
        for (int lane = static_cast<int>(count); lane < P::lanes; ++lane) term.v.raw[lane] = term.d.raw[lane] = T(0);
      }
      term.d.store(slopes + k);
      loss += static_cast<double>(horizontal_sum(term.v));
      slope_sum += static_cast<double>(horizontal_sum(term.d));
    }
    if (gradient) {
      const P pull(slope_sum / total);
      for (std::int64_t k = 0; k < classes; k += P::lanes) {
        (P::load(slopes + k) - pull * P::load(exponentials + k)).store(slopes + k);
      }
      scale_into<P>(gradient, slopes, classes, static_cast<T>(task.scale), streaming);
    }
    return loss;
  }

  template <class P>
  PERDITA_INLINE static void write_margin(const SoftmaxTask<T>& task, const T* logits, std::int32_t label,
                                          std::int64_t row) {
    T margin = std::numeric_limits<T>::quiet_NaN();
    std::uint8_t hit = 0;
    if (label >= 0) {
      const T before = largest<P>(logits, 0, label), after = largest<P>(logits, label + 1, task.layout.classes);
      margin = logits[label] - (before > after ? before : after);
      hit = logits[label] > before && logits[label] >= after ? 1 : 0;
    }
    if (task.margins) task.margins[row] = margin;
    if (task.hits) task.hits[row] = hit;
  }
};

}  // namespace perdita::kernels
