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

  /// Room for the exponentials of two rows, one of them pending, and the slopes and targets of one, each padded to
  /// whole registers.
  static std::size_t scratch_bytes(const SoftmaxTask<T>& task) { return 4 * padded(task.layout.classes) * sizeof(T); }
  static std::size_t padded(std::int64_t classes) { return static_cast<std::size_t>(classes + 63) / 64 * 64; }

  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, SoftmaxTask<T> task, std::int64_t begin, std::int64_t end,
                                   T* scratch) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes;
    T* const slopes = scratch + 2 * padded(classes);
    T* const targets = slopes + padded(classes);
    const bool streaming = perdita::detail::is_worth_streaming(
        task.gradient, static_cast<std::size_t>(task.layout.rows() * classes) * sizeof(T));
    const T background = static_cast<T>(task.label_smoothing / static_cast<double>(classes));
    for (std::int64_t k = 0; task.is_dense() && k < classes; ++k) targets[k] = background;

    double total = 0;
    Pending pending;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const logits = task.logits + row * classes;
      T* const gradient = task.gradient ? task.gradient + row * classes : nullptr;
      T* const exponentials =
          pending.in == scratch ? scratch + padded(classes) : scratch;  // not those still to be written
      const std::int32_t label = task.labels ? task.labels[row] : 0;
      if (task.predicted) task.predicted[row] = first_of_largest<P>(logits, classes);
      T* const confidence = task.confidences ? task.confidences + row : nullptr;
      double loss = 0;
      if (label < 0) {
        if (gradient) std::fill(gradient, gradient + classes, T(0));
      } else if (!task.is_dense()) {
        loss = sparse_row<P>(formula, task, logits, gradient, confidence, label, exponentials, pending, streaming);
      } else {
        const T* row_targets = task.probabilities + row * classes;
        if (task.labels) {
          targets[label] = static_cast<T>(1 - task.label_smoothing) + background;
          row_targets = targets;
        }
        loss = dense_row<P>(formula, task, logits, row_targets, gradient, confidence, exponentials, slopes, streaming);
        targets[label] = background;
      }
      total += loss;
      if (task.losses) task.losses[row] = static_cast<T>(loss);
      if (task.margins || task.hits) write_margin<P>(task, logits, label, row);
    }
    pending.template write<P>(pending.count, streaming);
    if (streaming) perdita::detail::end_streaming();
    return total;
  }

 private:
  /// A gradient that is known up to its store: factor * in. It is written while the next row's exponentials are
  /// computed, so that neither memory nor the arithmetic waits for the other.
  struct Pending {
    T* out = nullptr;
    const T* in = nullptr;  // padded to whole registers
    std::int64_t done = 0, count = 0;
    T factor = 0;

    /// Writes up to `wanted` more elements, in whole registers as long as there are such.
    template <class P>
    PERDITA_INLINE void write(std::int64_t wanted, bool streaming) {
      const P f(static_cast<double>(factor));
      const std::int64_t stop = std::min(count, done + wanted);
      if (streaming) {
        const std::size_t past = reinterpret_cast<std::uintptr_t>(out + done) % sizeof(P);
        if (past && done < stop) {
          const auto first = static_cast<std::size_t>(
              std::min<std::int64_t>(count - done, static_cast<std::int64_t>((sizeof(P) - past) / sizeof(T))));
          (f * P::load(in + done)).store_first(out + done, first);
          done += static_cast<std::int64_t>(first);
        }
        for (; done + P::lanes <= stop; done += P::lanes)
          perdita::detail::stream_pack(out + done, f * P::load(in + done));
      } else {
        for (; done + P::lanes <= stop; done += P::lanes) (f * P::load(in + done)).store(out + done);
      }
      if (stop < count) return;
      if (done < count) (f * P::load(in + done)).store_first(out + done, static_cast<std::size_t>(count - done));
      done = count;
    }
  };

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

  template <class P>
  PERDITA_INLINE static std::int32_t first_of_largest(const T* z, std::int64_t classes) {
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    const P value(static_cast<double>(largest<P>(z, 0, classes)));
    P number, least(lowest);  // of the classes with that logit, negated
    for (int lane = 0; lane < P::lanes; ++lane) number.raw[lane] = static_cast<T>(-lane);
    for (std::int64_t k = 0; k < classes; k += P::lanes, number = number - static_cast<double>(P::lanes)) {
      const auto left = static_cast<std::size_t>(classes - k);
      const P logits =
          left >= P::lanes ? P::load(z + k) : P::load_first(z + k, left, std::numeric_limits<T>::quiet_NaN());
      least = larger(least, select(logits == value, number, P(lowest)));
    }
    const T first = -horizontal_max(least);
    return first < static_cast<T>(classes) ? static_cast<std::int32_t>(first) : 0;
  }

  /// exp(z - shift) into `exponentials`; returns their sum. Lanes past the end are written as zeros. Meanwhile the next
  /// row is fetched and the gradient of the last one written.
  template <class P>
  PERDITA_INLINE static double exponentiate(const T* z, std::int64_t classes, T shift, T* exponentials,
                                            Pending& pending, bool streaming) {
    constexpr std::int64_t stretch = 8 * P::lanes;
    const P s(static_cast<double>(shift));
    PackSum<P> sum;
    std::int64_t k = 0;
    for (; k + stretch <= classes; k += stretch) {
      pending.template write<P>(stretch, streaming);
      for (std::int64_t i = 0; i < stretch; i += 2 * P::lanes) {
        __builtin_prefetch(z + classes + k + i, 0, 2);
        __builtin_prefetch(z + classes + k + i + P::lanes, 0, 2);
        const P e0 = perdita::detail::exp_of_difference(P::load(z + k + i) - s);
        const P e1 = perdita::detail::exp_of_difference(P::load(z + k + i + P::lanes) - s);
        e0.store(exponentials + k + i);
        e1.store(exponentials + k + i + P::lanes);
        sum.add(e0 + e1);
      }
      sum.fold();
    }
    for (; k < classes; k += P::lanes) {
      const auto left = static_cast<std::size_t>(classes - k);
      const P logits =
          left >= P::lanes ? P::load(z + k) : P::load_first(z + k, left, -std::numeric_limits<T>::infinity());
      const P e = perdita::detail::exp_of_difference(logits - s);
      e.store(exponentials + k);
      sum.add(e);
    }
    pending.template write<P>(pending.count, streaming);
    return sum.total();
  }

  /// The sum of all but exponential `label`, which would cancel in a subtraction where that one is most of the sum.
  template <class P>
  PERDITA_INLINE static double sum_of_others(T* exponentials, std::int64_t classes, std::int32_t label, double total) {
    const T own = exponentials[label];
    if (!(static_cast<double>(own) > 0.5 * total)) return total - static_cast<double>(own);
    exponentials[label] = T(0);
    PackSum<P> sum;
    for (std::int64_t k = 0; k < classes;) {
      for (int i = 0; i < 32 && k < classes; ++i, k += P::lanes) sum.add(P::load(exponentials + k));
      sum.fold();
    }
    const double others = sum.total();
    exponentials[label] = own;
    return others;
  }

  // t is 1 at the label: one evaluation of the formula. log p is taken from the sum of the others where the label has
  // the largest logit, so that neither a loss near 0 nor its gradient p - 1 cancels.
  template <class P>
  PERDITA_INLINE static double sparse_row(const Formula& formula, const SoftmaxTask<T>& task, const T* logits,
                                          T* gradient, T* confidence, std::int32_t label, T* exponentials,
                                          Pending& pending, bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const T largest_logit = largest<P>(logits, 0, classes);
    const double own_logit = static_cast<double>(logits[label]) - static_cast<double>(largest_logit);
    const double total = exponentiate<P>(logits, classes, largest_logit, exponentials, pending, streaming);
    if (confidence) *confidence = static_cast<T>(1 / total);
    const double others = sum_of_others<P>(exponentials, classes, label, total);
    const Number log_p = own_logit == 0 ? -log1p(Number(others)) : Number(own_logit) - log(Number(total));
    const Dual<Number> result = formula(Dual<Number>{log_p, Number(1.0)}, Number(1.0));
    const double weight = task.class_weights ? static_cast<double>(task.class_weights[label]) : 1.0;
    if (gradient) {
      const double slope = result.d[0] * weight * task.scale;
      exponentials[label] = static_cast<T>(-others);  // times the factor: slope * (1 - p)
      pending = {gradient, exponentials, 0, classes, static_cast<T>(-slope / total)};
    }
    return result.v[0] * weight;
  }

  template <class P>
  PERDITA_INLINE static double dense_row(const Formula& formula, const SoftmaxTask<T>& task, const T* logits,
                                         const T* targets, T* gradient, T* confidence, T* exponentials, T* slopes,
                                         bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const T largest_logit = largest<P>(logits, 0, classes);
    Pending none;
    const double total = exponentiate<P>(logits, classes, largest_logit, exponentials, none, streaming);
    if (confidence) *confidence = static_cast<T>(1 / total);
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
      Pending{gradient, slopes, 0, classes, static_cast<T>(task.scale)}.template write<P>(classes, streaming);
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
