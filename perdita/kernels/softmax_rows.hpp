// Softmax losses along contiguous classes: a row is read from memory once and stays in cache.
#pragma once

#include <algorithm>
#include <limits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/log_sum_term.hpp"
#include "perdita/kernels/softmax_task.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

template <class Formula, class T>
struct SoftmaxRowsKernel {
  using Number = Pack<double, 1>;  // what is computed once a row is computed in double

  /// Room for the exponentials and slopes of two rows, one of them pending, and the targets of one, each padded to
  /// whole registers.
  static std::size_t scratch_bytes(const SoftmaxTask<T>& task) { return 5 * padded(task.layout.classes) * sizeof(T); }
  static std::size_t padded(std::int64_t classes) { return static_cast<std::size_t>(classes + 63) / 64 * 64; }

  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, SoftmaxTask<T> task, std::int64_t begin, std::int64_t end,
                                   T* scratch) const {
    using P = typename Target::template pack<T>;
    if (task.is_dense()) return rows<true, P>(formula, task, begin, end, scratch);
    return rows<false, P>(formula, task, begin, end, scratch);
  }

 private:
  template <bool is_dense, class P>
  PERDITA_INLINE static double rows(const Formula& formula, const SoftmaxTask<T>& task, std::int64_t begin,
                                    std::int64_t end, T* scratch) {
    const std::int64_t classes = task.layout.classes;
    const auto size = static_cast<std::int64_t>(padded(classes));
    T* const targets = scratch + 4 * size;
    const bool streaming = perdita::detail::is_worth_streaming(
        task.gradient, static_cast<std::size_t>(task.layout.rows() * classes) * sizeof(T));
    const T background = static_cast<T>(task.label_smoothing / static_cast<double>(classes));
    for (std::int64_t k = 0; is_dense && k < classes; ++k) targets[k] = background;

    double total = 0;
    Pending<is_dense> pending;
    Row row;
    bool knows_largest = false;  // from the pass over the last row
    for (std::int64_t i = begin; i < end; ++i) {
      row.logits = task.logits + i * classes;
      row.next = i + 1 < end ? row.logits + classes : row.logits;
      row.gradient = task.gradient ? task.gradient + i * classes : nullptr;
      row.exponentials = pending.exponentials == scratch ? scratch + size : scratch;  // not those still to be written
      row.slopes = row.exponentials + 2 * size;
      row.label = task.labels ? task.labels[i] : 0;
      row.scale = task.scale_of(i);
      row.largest = knows_largest ? row.next_largest : largest<P>(row.logits, 0, classes);
      knows_largest = row.label >= 0;
      if (task.predicted) task.predicted[i] = first_of<P>(row.largest, row.logits, classes);
      T* const confidence = task.confidences ? task.confidences + i : nullptr;
      double loss = 0;
      if (row.label < 0) {
        if (row.gradient) std::fill(row.gradient, row.gradient + classes, T(0));
      } else if constexpr (is_dense) {
        if (task.labels) targets[row.label] = static_cast<T>(1 - task.label_smoothing) + background;
        const T* const row_targets = task.labels ? targets : task.probabilities + i * classes;
        loss = dense_row<P>(formula, task, row, row_targets, confidence, pending, streaming);
        targets[row.label] = background;
      } else {
        loss = sparse_row<P>(formula, task, row, confidence, pending, streaming);
      }
      total += loss;
      if (task.losses) task.losses[i] = static_cast<T>(loss);
      if (task.margins || task.hits) write_margin<P>(task, row.logits, row.label, i);
    }
    pending.template write<P>(pending.count, streaming);
    if (streaming) perdita::detail::end_streaming();
    return total;
  }

  struct Row {
    const T* logits;
    const T* next;    ///< the row that follows, or this one
    T* gradient;      ///< null if it is not wanted
    T* exponentials;  ///< room for them
    T* slopes;        ///< likewise
    std::int32_t label;
    double scale;             ///< of the gradient
    T largest, next_largest;  ///< logits
  };

  /// A gradient that is known up to its store: factor * exponentials, or factor * (slopes - pull * exponentials). It is
  /// written while the next row's exponentials are computed, so that neither memory nor the arithmetic waits for the
  /// other.
  template <bool is_dense>
  struct Pending {
    T* out = nullptr;
    const T* exponentials = nullptr;  // these arrays are padded to whole registers
    const T* slopes = nullptr;
    std::int64_t done = 0, count = 0;
    T factor = 0, pull = 0;

    template <class P>
    PERDITA_INLINE P at(std::int64_t k, const P& f, const P& p) const {
      if constexpr (is_dense) return f * (P::load(slopes + k) - p * P::load(exponentials + k));
      return f * P::load(exponentials + k);
    }

    /// Writes up to `wanted` more elements, in whole registers as long as there are such.
    template <class P>
    PERDITA_INLINE void write(std::int64_t wanted, bool streaming) {
      const P f(static_cast<double>(factor)), p(static_cast<double>(pull));
      const std::int64_t stop = std::min(count, done + wanted);
      if (streaming) {
        const std::size_t past = reinterpret_cast<std::uintptr_t>(out + done) % sizeof(P);
        if (past && done < stop) {
          const auto first = static_cast<std::size_t>(
              std::min<std::int64_t>(count - done, static_cast<std::int64_t>((sizeof(P) - past) / sizeof(T))));
          at(done, f, p).store_first(out + done, first);
          done += static_cast<std::int64_t>(first);
        }
        for (; done + P::lanes <= stop; done += P::lanes) perdita::detail::stream_pack(out + done, at(done, f, p));
      } else {
        for (; done + P::lanes <= stop; done += P::lanes) at(done, f, p).store(out + done);
      }
      if (stop < count) return;
      if (done < count) at(done, f, p).store_first(out + done, static_cast<std::size_t>(count - done));
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
  PERDITA_INLINE static std::int32_t first_of(T wanted, const T* z, std::int64_t classes) {
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    const P value(static_cast<double>(wanted));
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

  /// exp(z - largest); returns their sum. Lanes past the end are written as zeros. Meanwhile the next row comes from
  /// memory, for its largest logit, and the gradient of the last one is written.
  template <class P, bool is_dense>
  PERDITA_INLINE static double exponentiate(Row& row, std::int64_t classes, Pending<is_dense>& pending,
                                            bool streaming) {
    constexpr std::int64_t chunk = 8 * P::lanes, stretch = 4 * chunk, ahead = 4096 / sizeof(T);
    constexpr T lowest = -std::numeric_limits<T>::infinity();
    const P shift(static_cast<double>(row.largest));
    P m0(static_cast<double>(lowest)), m1 = m0;
    PackSum<P> sum;
    std::int64_t k = 0;
    for (const std::int64_t whole = classes / chunk * chunk; k < whole; sum.fold()) {
      for (const std::int64_t stop = std::min(k + stretch, whole); k < stop;) {
        pending.template write<P>(chunk, streaming);
        for (const std::int64_t end = k + chunk; k < end; k += 2 * P::lanes) {
          __builtin_prefetch(row.next + k + ahead);
          __builtin_prefetch(row.next + k + P::lanes + ahead);
          m0 = larger(m0, P::load(row.next + k));
          m1 = larger(m1, P::load(row.next + k + P::lanes));
          const P e0 = perdita::detail::exp_of_difference(P::load(row.logits + k) - shift);
          const P e1 = perdita::detail::exp_of_difference(P::load(row.logits + k + P::lanes) - shift);
          e0.store(row.exponentials + k);
          e1.store(row.exponentials + k + P::lanes);
          sum.add(e0 + e1);
        }
      }
    }
    for (; k < classes; k += P::lanes) {
      const auto left = static_cast<std::size_t>(classes - k);
      const auto load = [&](const T* z) PERDITA_INLINE_LAMBDA {
        return left >= P::lanes ? P::load(z + k) : P::load_first(z + k, left, lowest);
      };
      const P e = perdita::detail::exp_of_difference(load(row.logits) - shift);
      e.store(row.exponentials + k);
      sum.add(e);
      m0 = larger(m0, load(row.next));
    }
    pending.template write<P>(pending.count, streaming);
    row.next_largest = horizontal_max(larger(m0, m1));
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
  PERDITA_INLINE static double sparse_row(const Formula& formula, const SoftmaxTask<T>& task, Row& row, T* confidence,
                                          Pending<false>& pending, bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const double own_logit = static_cast<double>(row.logits[row.label]) - static_cast<double>(row.largest);
    const double total = exponentiate<P>(row, classes, pending, streaming);
    if (confidence) *confidence = static_cast<T>(1 / total);
    const double others = sum_of_others<P>(row.exponentials, classes, row.label, total);
    const Number log_p = own_logit == 0 ? -log1p(Number(others)) : Number(own_logit) - log(Number(total));
    const Dual<Number> result = formula(Dual<Number>{log_p, Number(1.0)}, Number(1.0));
    const double weight = task.class_weights ? static_cast<double>(task.class_weights[row.label]) : 1.0;
    const Dual<Number> of_sum = log_sum_term_of(formula, row, total);
    if (row.gradient) {
      const double slope = result.d[0] * weight * row.scale, slope_of_sum = of_sum.d[0] * row.scale;
      double factor = (slope_of_sum - slope) / total;
      if (slope_of_sum == 0) {
        row.exponentials[row.label] = static_cast<T>(-others);  // times the factor: slope * (1 - p)
      } else {
        const double own = slope * (others / total) + slope_of_sum * (1 - others / total);
        if (factor == 0) std::fill_n(row.exponentials, classes, T(0)), factor = 1;
        row.exponentials[row.label] = static_cast<T>(own / factor);
      }
      pending = {
          .out = row.gradient, .exponentials = row.exponentials, .count = classes, .factor = static_cast<T>(factor)};
    }
    return result.v[0] * weight + of_sum.v[0];
  }

  PERDITA_INLINE static Dual<Number> log_sum_term_of(const Formula& formula, const Row& row, double total) {
    if (!has_log_sum_term(formula)) return Dual<Number>{Number(0.0), Number(0.0)};
    return log_sum_term(formula, static_cast<double>(row.largest) + log(Number(total)));
  }

  template <class P>
  PERDITA_INLINE static double dense_row(const Formula& formula, const SoftmaxTask<T>& task, Row& row, const T* targets,
                                         T* confidence, Pending<true>& pending, bool streaming) {
    const std::int64_t classes = task.layout.classes;
    const double total = exponentiate<P>(row, classes, pending, streaming);
    if (confidence) *confidence = static_cast<T>(1 / total);
    const P shift(static_cast<double>(row.largest)), log_total(log(Number(total))[0]);
    // Class probabilities are smoothed here; those of an index already are.
    const P keep(task.labels ? 1.0 : 1 - task.label_smoothing);
    const P spread(task.labels ? 0.0 : task.label_smoothing / static_cast<double>(classes));
    PackSum<P> loss, slope_sum;
    const auto term_of = [&](const P& z, const P& t, const P& weight) PERDITA_INLINE_LAMBDA {
      Dual<P> term = formula(Dual<P>{(z - shift) - log_total, P(1.0)}, t * keep + spread);
      if (task.class_weights) term = {term.v * weight, term.d * weight};
      return term;
    };
    std::int64_t k = 0;
    while (k + P::lanes <= classes) {
      constexpr std::int64_t stretch = 32 * P::lanes;
      const std::int64_t stop = k + std::min(stretch, (classes - k) / P::lanes * P::lanes);
      for (; k < stop; k += P::lanes) {
        const P weight = task.class_weights ? P::load(task.class_weights + k) : P(1.0);
        const Dual<P> term = term_of(P::load(row.logits + k), P::load(targets + k), weight);
        term.d.store(row.slopes + k);
        loss.add(term.v);
        slope_sum.add(term.d);
      }
      loss.fold();
      slope_sum.fold();
    }
    if (k < classes) {
      const auto count = static_cast<std::size_t>(classes - k);
      const P weight = task.class_weights ? P::load_first(task.class_weights + k, count) : P(1.0);
      Dual<P> term =
          term_of(P::load_first(row.logits + k, count, row.largest), P::load_first(targets + k, count), weight);
      for (int lane = static_cast<int>(count); lane < P::lanes; ++lane) term.v.raw[lane] = term.d.raw[lane] = T(0);
      term.d.store(row.slopes + k);
      loss.add(term.v);
      slope_sum.add(term.d);
    }
    const Dual<Number> of_sum = log_sum_term_of(formula, row, total);
    if (row.gradient) {
      pending = {.out = row.gradient,
                 .exponentials = row.exponentials,
                 .slopes = row.slopes,
                 .count = classes,
                 .factor = static_cast<T>(row.scale),
                 .pull = static_cast<T>((slope_sum.total() - of_sum.d[0]) / total)};
    }
    return loss.total() + of_sum.v[0];
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
