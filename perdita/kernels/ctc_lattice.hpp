// The forward-backward recursion of CTC for one sequence (Graves et al., ICML 2006, section 4.1).
//
// The states of a frame are blanks b_0 ... b_L around the labels a_0 ... a_(L-1). With y the probabilities of a frame
// and jump_i = 1 where label i differs from label i - 1 (else a blank must part them),
//   alpha(b_i) = (alpha'(b_i) + alpha'(a_(i-1))) y(blank)
//   alpha(a_i) = (alpha'(a_i) + alpha'(b_i) + jump_i alpha'(a_(i-1))) y(label i)
// where ' is the frame before. beta(s) is the probability of all later frames, given state s:
//   beta(b_i) = (beta y)'(b_i) + (beta y)'(a_i)
//   beta(a_i) = (beta y)'(a_i) + (beta y)'(b_(i+1)) + jump_(i+1) (beta y)'(a_(i+1))
// where ' is the frame after. The posterior of s is alpha(s) beta(s) / p, and the derivative of -log p by log y(k) is
// minus the sum of the posteriors of the states of class k.
//
// Blanks and labels are kept apart so that neighbours are packs. Numbers are WideRange: alpha and beta of states that
// matter can differ by more than a double's range, and where they do not, log-space in float loses the difference of
// large logarithms. Only states that the begin can reach and that can reach the end are computed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "perdita/kernels/ctc.hpp"
#include "perdita/math/isa.hpp"
#include "perdita/math/wide_range.hpp"

namespace perdita::kernels {

/// One sequence, and room for its computation.
template <class T>
struct CtcItem {
  const T* log_probs;  // of its first frame
  T* gradient;         // likewise, or null
  std::int64_t frames;
  const std::int32_t* labels;
  std::int64_t label_count;
  // The classes that occur, blank first, and for each label its place among them.
  const std::int32_t* classes;
  const std::int32_t* places;
  std::int64_t class_count;
  double scale;
  double* scratch;
};

/// Arrays in an item's scratch. Rows over labels have room before and after them for a pack that is shifted by one.
struct CtcScratch {
  static constexpr std::int64_t padding = 8;
  std::int64_t width, row, classes, frames;

  static std::int64_t padded(std::int64_t count) { return (count + padding - 1) / padding * padding; }

  CtcScratch(std::int64_t label_count, std::int64_t class_count, std::int64_t frame_count, bool keeps_history)
      : width(padded(label_count + 1)),
        row(width + 2 * padding),
        classes(padded(class_count)),
        frames(keeps_history ? frame_count : 0) {}
  std::int64_t doubles() const { return 10 * row + classes + frames * 4 * width; }
  double* at(double* scratch, int k) const { return scratch + k * row + padding; }
  double* per_class(double* scratch) const { return scratch + 10 * row; }
  double* history(double* scratch, std::int64_t frame) const {
    return per_class(scratch) + classes + frame * 4 * width;
  }
};

template <class T>
struct CtcKernel {
  using Number = Pack<double, 1>;
  static constexpr std::int64_t normalise_every = 64;  // a step multiplies m by 0.7 .. 4.3

  /// The loss of the item; writes the rows of its own frames in the gradient.
  template <class Target>
  PERDITA_INLINE double operator()(Target, CtcTask<T> task, CtcItem<T> item) const {
    using P = typename Target::template pack<double>;
    const CtcScratch layout(item.label_count, item.class_count, item.frames, item.gradient != nullptr);
    const Lattice<P> lattice(layout, item.scratch);
    lattice.prepare(item);
    const WideRange<Number> p = forward<P>(task, item, layout, lattice);
    const double loss = 0.0 - log(p)[0];
    if (item.gradient && !(loss == infinity)) backward<Target>(task, item, layout, lattice, p);
    return loss;
  }

 private:
  static constexpr double infinity = perdita::detail::infinity<double>;
  template <class P>
  struct Lattice {
    using W = WideRange<P>;
    double *label_m, *label_e;        // alpha, then beta y, of labels
    double *blank_m, *blank_e;        // and of blanks
    double *emission_m, *emission_e;  // y of labels
    double *jump_m, *jump_e;          // 1 as a factor, or 0
    double *input, *posterior;

    PERDITA_INLINE Lattice(const CtcScratch& layout, double* scratch)
        : label_m(layout.at(scratch, 0)),
          label_e(layout.at(scratch, 1)),
          blank_m(layout.at(scratch, 2)),
          blank_e(layout.at(scratch, 3)),
          emission_m(layout.at(scratch, 4)),
          emission_e(layout.at(scratch, 5)),
          jump_m(layout.at(scratch, 6)),
          jump_e(layout.at(scratch, 7)),
          input(layout.at(scratch, 8)),
          posterior(layout.at(scratch, 9)),
          row_(layout.row) {}

    PERDITA_INLINE void prepare(const CtcItem<T>& item) const {
      for (std::int64_t i = -CtcScratch::padding; i < row_ - CtcScratch::padding; ++i) {
        const bool jumps = i > 0 && i < item.label_count && item.labels[i] != item.labels[i - 1];
        jump_m[i] = jumps ? 1.0 : 0.0;
        jump_e[i] = jumps ? 0.0 : W::exponent_of_zero;
        input[i] = -infinity;
      }
    }
    /// Nothing but blank `first`.
    PERDITA_INLINE void start_at(std::int64_t first) const {
      for (std::int64_t i = -CtcScratch::padding; i < row_ - CtcScratch::padding; ++i) {
        label_m[i] = blank_m[i] = 0;
        label_e[i] = blank_e[i] = W::exponent_of_zero;
      }
      blank_m[first] = 1;
      blank_e[first] = 0;
    }
    PERDITA_INLINE W label(std::int64_t i) const { return W::load(label_m + i, label_e + i); }
    PERDITA_INLINE W blank(std::int64_t i) const { return W::load(blank_m + i, blank_e + i); }
    PERDITA_INLINE W jump(std::int64_t i) const { return W::load(jump_m + i, jump_e + i); }
    PERDITA_INLINE W emission(std::int64_t i) const { return W::load(emission_m + i, emission_e + i); }

    PERDITA_INLINE void normalise(std::int64_t begin, std::int64_t end) const {
      for (std::int64_t i = begin; i < end; i += P::lanes) {
        normalised(label(i)).store(label_m + i, label_e + i);
        normalised(blank(i)).store(blank_m + i, blank_e + i);
      }
    }

   private:
    std::int64_t row_;
  };

  /// The packs of a frame whose states lie on a path: labels and blanks i with L - frames + t <= i <= t.
  template <class P>
  struct Range {
    std::int64_t begin, end;
    PERDITA_INLINE Range(const CtcItem<T>& item, std::int64_t t) {
      const std::int64_t low = item.label_count - item.frames + t, high = t < item.label_count ? t : item.label_count;
      begin = low > 0 ? low / P::lanes * P::lanes : 0;
      end = high / P::lanes * P::lanes + P::lanes;
    }
  };

  /// y of a frame: of the labels into the lattice, of the blank returned.
  template <class P>
  PERDITA_INLINE static WideRange<P> emit(const CtcTask<T>& task, const CtcItem<T>& item, const Lattice<P>& lattice,
                                          std::int64_t t, const Range<P>& range) {
    const T* const frame = item.log_probs + t * task.frame_stride;
    const std::int64_t end = range.end < item.label_count ? range.end : item.label_count;
    for (std::int64_t i = range.begin; i < end; ++i)
      lattice.input[i] = static_cast<double>(frame[item.labels[i] * task.class_stride]);
    for (std::int64_t i = range.begin; i < range.end; i += P::lanes) {
      WideRange<P>::exp(P::load(lattice.input + i)).store(lattice.emission_m + i, lattice.emission_e + i);
    }
    return WideRange<P>::exp(P(static_cast<double>(frame[task.blank * task.class_stride])));
  }

  /// p, and all alphas into the history if there is to be a gradient.
  template <class P>
  PERDITA_INLINE static WideRange<Number> forward(const CtcTask<T>& task, const CtcItem<T>& item,
                                                  const CtcScratch& layout, const Lattice<P>& lattice) {
    using W = WideRange<P>;
    lattice.start_at(0);
    for (std::int64_t t = 0; t < item.frames; ++t) {
      const Range<P> range(item, t);
      const W blank_emission = emit(task, item, lattice, t, range);
      // From the end: a pack reads those of the frame before in its own place and one to the left.
      for (std::int64_t i = range.end - P::lanes; i >= range.begin; i -= P::lanes) {
        const W before = lattice.label(i - 1), blank = lattice.blank(i);
        const W label = sum(lattice.label(i), blank, before * lattice.jump(i)) * lattice.emission(i);
        label.store(lattice.label_m + i, lattice.label_e + i);
        ((blank + before) * blank_emission).store(lattice.blank_m + i, lattice.blank_e + i);
      }
      if (t % normalise_every == normalise_every - 1) lattice.normalise(range.begin, range.end);
      if (item.gradient) {
        double* const rows = layout.history(item.scratch, t);
        for (std::int64_t i = range.begin; i < range.end; i += P::lanes) {
          lattice.label(i).store(rows + i, rows + layout.width + i);
          lattice.blank(i).store(rows + 2 * layout.width + i, rows + 3 * layout.width + i);
        }
      }
    }
    const std::int64_t last = item.label_count;
    using One = WideRange<Number>;
    return normalised(One::load(lattice.blank_m + last, lattice.blank_e + last) +
                      One::load(lattice.label_m + last - 1, lattice.label_e + last - 1));
  }

  template <class Target>
  PERDITA_INLINE static void backward(const CtcTask<T>& task, const CtcItem<T>& item, const CtcScratch& layout,
                                      const Lattice<typename Target::template pack<double>>& lattice,
                                      const WideRange<Number>& p) {
    using P = typename Target::template pack<double>;
    using W = WideRange<P>;
    const W reciprocal{P(1 / p.m[0]), P(-p.e[0])};
    lattice.start_at(item.label_count);
    for (std::int64_t t = item.frames - 1; t >= 0; --t) {
      const Range<P> range(item, t);
      const W blank_emission = emit(task, item, lattice, t, range);
      const double* const rows = layout.history(item.scratch, t);
      P blank_posterior(0.0);
      for (std::int64_t i = range.begin; i < range.end; i += P::lanes) {
        const W label = lattice.label(i), after = lattice.blank(i + 1);
        const W label_beta = sum(label, after, lattice.label(i + 1) * lattice.jump(i + 1));
        const W blank_beta = lattice.blank(i) + label;
        const W label_alpha = W::load(rows + i, rows + layout.width + i);
        const W blank_alpha = W::load(rows + 2 * layout.width + i, rows + 3 * layout.width + i);
        narrowed(label_alpha * label_beta * reciprocal).store(lattice.posterior + i);
        blank_posterior = blank_posterior + narrowed(blank_alpha * blank_beta * reciprocal);
        (label_beta * lattice.emission(i)).store(lattice.label_m + i, lattice.label_e + i);
        (blank_beta * blank_emission).store(lattice.blank_m + i, lattice.blank_e + i);
      }
      if (t % normalise_every == 0) lattice.normalise(range.begin, range.end);
      double* const sums = layout.per_class(item.scratch);
      for (std::int64_t k = 0; k < layout.classes; ++k) sums[k] = 0;
      sums[0] = horizontal_sum(blank_posterior);
      const std::int64_t end = range.end < item.label_count ? range.end : item.label_count;
      for (std::int64_t i = range.begin; i < end; ++i) sums[item.places[i]] += lattice.posterior[i];
      write_row<Target>(task, item, t, sums);
    }
  }

  /// scale * y of all classes.
  template <class P>
  PERDITA_INLINE static void write_probabilities(const CtcTask<T>& task, const T* frame, T* row, double scale) {
    for (std::int64_t c = 0; c < task.classes; c += P::lanes) {
      const auto left = static_cast<std::size_t>(task.classes - c), count = left < P::lanes ? left : P::lanes;
      P x(0.0);
      if (task.class_stride != 1) {
        for (std::size_t k = 0; k < count; ++k)
          x.raw[k] = frame[(c + static_cast<std::int64_t>(k)) * task.class_stride];
      } else {
        x = count == P::lanes ? P::load(frame + c) : P::load_first(frame + c, count);
      }
      const P y = scale * exp(x);
      if (count == P::lanes)
        y.store(row + c);
      else
        y.store_first(row + c, count);
    }
  }

  template <class Target>
  PERDITA_INLINE static void write_row(const CtcTask<T>& task, const CtcItem<T>& item, std::int64_t t,
                                       const double* posteriors) {
    T* const row = item.gradient + t * task.items * task.classes;
    if (!task.torch_gradient) {
      std::fill(row, row + task.classes, T(0));
      for (std::int64_t k = 0; k < item.class_count; ++k)
        row[item.classes[k]] = static_cast<T>(0.0 - item.scale * posteriors[k]);
      return;
    }
    const T* const frame = item.log_probs + t * task.frame_stride;
    write_probabilities<typename Target::template pack<T>>(task, frame, row, item.scale);
    using P = typename Target::template pack<double>;
    for (std::int64_t k = 0; k < item.class_count; k += P::lanes) {
      const std::int64_t left = item.class_count - k, count = left < P::lanes ? left : P::lanes;
      double numbers[P::lanes] = {};
      for (std::int64_t j = 0; j < count; ++j)
        numbers[j] = static_cast<double>(frame[item.classes[k + j] * task.class_stride]);
      (item.scale * (exp(P::load(numbers)) - P::load(posteriors + k))).store(numbers);
      for (std::int64_t j = 0; j < count; ++j) row[item.classes[k + j]] = static_cast<T>(numbers[j]);
    }
  }
};

}  // namespace perdita::kernels
