// The forward-backward recursion of the RNN transducer for one sequence (Graves, arXiv 1211.3711, section 2.4).
//
// State (t, u) is frame t after u labels. With y(t, u, k) the softmax of its logits, it continues
//   to (t + 1, u) by the blank,         with probability b(t, u) = y(t, u, blank)
//   to (t, u + 1) by the label u,       with probability l(t, u) = y(t, u, label u), which is 0 after the last label.
// alpha is the probability of reaching a state, beta that of the rest of the target from there:
//   alpha(t, u) = alpha(t - 1, u) b(t - 1, u) + alpha(t, u - 1) l(t, u - 1),  alpha(0, 0) = 1
//   beta(t, u)  = b(t, u) beta(t + 1, u) + l(t, u) beta(t, u + 1),            beta(frames, labels) = 1
// The loss is -log p, p = beta(0, 0). The posterior probabilities of the two transitions,
//   B = alpha(t, u) b(t, u) beta(t + 1, u) / p  and  L = alpha(t, u) l(t, u) beta(t, u + 1) / p,
// give the derivative with respect to the logit of class k: (B + L) y(k) - B [k = blank] - L [k = label u].
//
// Numbers are WideRange, as in ctc_lattice.hpp. A frame is a chain along u, which is computed number by number; all
// other steps, of which those over the classes take most of the time, are computed in packs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/rnnt.hpp"
#include "perdita/math/isa.hpp"
#include "perdita/math/wide_range.hpp"

namespace perdita::kernels {

/// One sequence, and room for its computation.
template <class T>
struct RnntItem {
  const T* logits;  // of its first state
  T* gradient;      // likewise, or null
  std::int64_t frames;
  const std::int32_t* labels;
  std::int64_t label_count;
  double scale;
  double* scratch;
};

/// Arrays in an item's scratch: rows over the states of a frame, in whole packs, and alpha and the sums of exponentials
/// of all frames if there is a gradient.
struct RnntScratch {
  static constexpr std::int64_t padding = 8, row_count = 16, kept_rows = 3;
  std::int64_t width, frames;

  RnntScratch(std::int64_t label_count, std::int64_t frame_count, bool keeps_history)
      : width((label_count + padding) / padding * padding), frames(keeps_history ? frame_count : 1) {}
  std::int64_t doubles() const { return (row_count + kept_rows * frames) * width; }
  double* row(double* scratch, int k) const { return scratch + k * width; }
  double* kept(double* scratch, std::int64_t frame, int k) const {
    return scratch + (row_count + kept_rows * (frames > 1 ? frame : 0) + k) * width;
  }
};

template <class T>
struct RnntKernel {
  using Number = Pack<double, 1>;
  using One = WideRange<Number>;
  static constexpr std::int64_t normalise_every = 64;  // a step along u multiplies m by 0.7 .. 3

  /// The loss of the item; writes the gradient of its own states.
  template <class Target>
  PERDITA_INLINE double operator()(Target, RnntTask<T> task, RnntItem<T> item) const {
    const Lattice<Target> lattice(item);
    lattice.prepare(item);
    const One p = forward(task, item, lattice);
    const double loss = 0.0 - log(p)[0];
    if (item.gradient && !(loss == infinity)) backward(task, item, lattice, p);
    return loss;
  }

 private:
  static constexpr double infinity = perdita::detail::infinity<double>;

  /// Numbers m 2^e of the states of a frame.
  struct Row {
    double *m, *e;
    template <class P>
    PERDITA_INLINE WideRange<P> load(std::int64_t u) const {
      return WideRange<P>::load(m + u, e + u);
    }
    template <class P>
    PERDITA_INLINE void store(std::int64_t u, const WideRange<P>& value) const {
      value.store(m + u, e + u);
    }
  };

  template <class Target>
  struct Lattice {
    using P = typename Target::template pack<double>;
    using W = WideRange<P>;
    using InType = typename Target::template pack<T>;

    RnntScratch layout;
    double* scratch;
    Row blank, label;                             // b and l of a frame
    Row stay, leave;                              // products of a probability and alpha or beta, by b and by l
    Row beta;                                     // of the frame after
    double *largest, *blank_logit, *label_logit;  // of a state; the last two minus the largest
    double *blank_posterior, *label_posterior, *blank_share;  // B, L and y(blank)

    PERDITA_INLINE explicit Lattice(const RnntItem<T>& item)
        : layout(item.label_count, item.frames, item.gradient != nullptr),
          scratch(item.scratch),
          blank(row(0)),
          label(row(2)),
          stay(row(4)),
          leave(row(6)),
          beta(row(8)),
          largest(layout.row(scratch, 10)),
          blank_logit(layout.row(scratch, 11)),
          label_logit(layout.row(scratch, 12)),
          blank_posterior(layout.row(scratch, 13)),
          label_posterior(layout.row(scratch, 14)),
          blank_share(layout.row(scratch, 15)) {}

    PERDITA_INLINE Row row(int k) const { return {layout.row(scratch, k), layout.row(scratch, k + 1)}; }
    PERDITA_INLINE Row alpha(std::int64_t t) const { return {layout.kept(scratch, t, 0), layout.kept(scratch, t, 1)}; }
    PERDITA_INLINE double* totals(std::int64_t t) const { return layout.kept(scratch, t, 2); }
    static PERDITA_INLINE One zero() { return {Number(0.0), Number(One::exponent_of_zero)}; }

    /// States past the last one have probability 0.
    PERDITA_INLINE void prepare(const RnntItem<T>& item) const {
      for (std::int64_t u = 0; u < layout.width; ++u) {
        blank_logit[u] = label_logit[u] = -infinity;
        stay.store(u, zero());
        beta.store(u, zero());
      }
      for (std::int64_t t = 0; t < layout.frames; ++t) {
        for (std::int64_t u = item.label_count + 1; u < layout.width; ++u) {
          alpha(t).store(u, zero());
          totals(t)[u] = 1;
        }
      }
    }

    /// Reads the logits of a frame: the largest of each state, and those of the blank and the label.
    PERDITA_INLINE void read(const RnntTask<T>& task, const RnntItem<T>& item, std::int64_t t) const {
      for (std::int64_t u = 0; u <= item.label_count; ++u) {
        const T* const z = logits_of(task, item, t, u);
        InType most(-infinity);
        for (std::int64_t c = 0; c < task.classes; c += InType::lanes)
          most = max(part(task, z, c, static_cast<T>(-infinity)), most);
        largest[u] = static_cast<double>(horizontal_max(most));
        blank_logit[u] = static_cast<double>(z[task.blank]) - largest[u];
        if (u < item.label_count) label_logit[u] = static_cast<double>(z[item.labels[u]]) - largest[u];
      }
    }
    /// Sums of exp(logit - largest) over the classes. The exponentials are kept where their gradient will be. A NaN
    /// that the largest logit lost is in them.
    PERDITA_INLINE void add_exponentials(const RnntTask<T>& task, const RnntItem<T>& item, std::int64_t t) const {
      for (std::int64_t u = 0; u <= item.label_count; ++u) {
        const T* const z = logits_of(task, item, t, u);
        T* const kept = item.gradient ? gradient_of(task, item, t, u) : nullptr;
        const InType shift(largest[u]);
        PackSum<InType> sum;
        for (std::int64_t c = 0; c < task.classes; sum.fold()) {
          for (int i = 0; i < 32 && c < task.classes; ++i, c += InType::lanes) {
            const InType x = part(task, z, c, static_cast<T>(-infinity));
            const InType e = perdita::detail::exp_of_difference(x - shift);
            if (kept) store_part(task, e, kept, c);
            sum.add(e);
          }
        }
        totals(t)[u] = sum.total();
      }
    }
    /// b and l of the frame that was read.
    PERDITA_INLINE void emit(std::int64_t t) const {
      for (std::int64_t u = 0; u < layout.width; u += P::lanes) {
        const P log_total = log(P::load(totals(t) + u));
        blank.store(u, W::exp(P::load(blank_logit + u) - log_total));
        label.store(u, W::exp(P::load(label_logit + u) - log_total));
      }
    }

    static PERDITA_INLINE const T* logits_of(const RnntTask<T>& task, const RnntItem<T>& item, std::int64_t t,
                                             std::int64_t u) {
      return item.logits + (t * task.states + u) * task.classes;
    }
    static PERDITA_INLINE T* gradient_of(const RnntTask<T>& task, const RnntItem<T>& item, std::int64_t t,
                                         std::int64_t u) {
      return item.gradient + (t * task.states + u) * task.classes;
    }
    static PERDITA_INLINE InType part(const RnntTask<T>& task, const T* z, std::int64_t c, T fill) {
      const std::int64_t left = task.classes - c;
      return left >= InType::lanes ? InType::load(z + c)
                                   : InType::load_first(z + c, static_cast<std::size_t>(left), fill);
    }
    static PERDITA_INLINE void store_part(const RnntTask<T>& task, const InType& values, T* row, std::int64_t c) {
      const std::int64_t left = task.classes - c;
      if (left >= InType::lanes)
        values.store(row + c);
      else
        values.store_first(row + c, static_cast<std::size_t>(left));
    }
  };

  /// p, and alpha of all states.
  template <class Target>
  PERDITA_INLINE static One forward(const RnntTask<T>& task, const RnntItem<T>& item, const Lattice<Target>& lattice) {
    using P = typename Lattice<Target>::P;
    lattice.stay.store(0, One{Number(1.0), Number(0.0)});
    for (std::int64_t t = 0; t < item.frames; ++t) {
      lattice.read(task, item, t);
      lattice.add_exponentials(task, item, t);
      lattice.emit(t);
      const Row alpha = lattice.alpha(t);
      One arriving = lattice.zero();
      for (std::int64_t u = 0; u <= item.label_count; ++u) {
        One reached = lattice.stay.template load<Number>(u) + arriving;
        if (u % normalise_every == normalise_every - 1) reached = normalised(reached);
        alpha.store(u, reached);
        arriving = reached * lattice.label.template load<Number>(u);
      }
      for (std::int64_t u = 0; u < lattice.layout.width; u += P::lanes)
        lattice.stay.store(u, normalised(alpha.template load<P>(u) * lattice.blank.template load<P>(u)));
    }
    return lattice.stay.template load<Number>(item.label_count);
  }

  template <class Target>
  PERDITA_INLINE static void backward(const RnntTask<T>& task, const RnntItem<T>& item, const Lattice<Target>& lattice,
                                      const One& p) {
    using P = typename Lattice<Target>::P;
    using W = WideRange<P>;
    const W reciprocal{P(1 / p.m[0]), P(-p.e[0])};
    lattice.beta.store(item.label_count, One{Number(1.0), Number(0.0)});
    for (std::int64_t t = item.frames - 1; t >= 0; --t) {
      lattice.read(task, item, t);
      lattice.emit(t);
      for (std::int64_t u = 0; u < lattice.layout.width; u += P::lanes)
        lattice.stay.store(u, lattice.blank.template load<P>(u) * lattice.beta.template load<P>(u));
      One rest = lattice.zero();
      for (std::int64_t u = item.label_count; u >= 0; --u) {
        const One leaving = rest * lattice.label.template load<Number>(u);
        lattice.leave.store(u, leaving);
        rest = lattice.stay.template load<Number>(u) + leaving;
        if (u % normalise_every == 0) rest = normalised(rest);
        lattice.beta.store(u, rest);
      }
      for (std::int64_t u = 0; u < lattice.layout.width; u += P::lanes) {
        const W share = lattice.alpha(t).template load<P>(u) * reciprocal;
        narrowed(share * lattice.stay.template load<P>(u)).store(lattice.blank_posterior + u);
        narrowed(share * lattice.leave.template load<P>(u)).store(lattice.label_posterior + u);
        narrowed(lattice.blank.template load<P>(u)).store(lattice.blank_share + u);
        lattice.beta.store(u, normalised(lattice.beta.template load<P>(u)));
      }
      for (std::int64_t u = 0; u <= item.label_count; ++u) write_state(task, item, lattice, t, u);
    }
  }

  /// Replaces the exponentials of a state by its gradient.
  template <class Target>
  PERDITA_INLINE static void write_state(const RnntTask<T>& task, const RnntItem<T>& item,
                                         const Lattice<Target>& lattice, std::int64_t t, std::int64_t u) {
    using InType = typename Lattice<Target>::InType;
    T* const row = lattice.gradient_of(task, item, t, u);
    const double blank = lattice.blank_posterior[u], label = task.label_factor * lattice.label_posterior[u];
    const double both = blank + label;
    const InType factor(both / lattice.totals(t)[u]), limit(task.limit);
    for (std::int64_t c = 0; c < task.classes; c += InType::lanes) {
      const InType e = lattice.part(task, row, c, T(0));
      lattice.store_part(task, item.scale * min(factor * e, limit), row, c);
    }
    const auto limited = [&](double x) PERDITA_INLINE_LAMBDA {
      return static_cast<T>(item.scale * std::clamp(x, -task.limit, task.limit));
    };
    row[task.blank] = limited(both * lattice.blank_share[u] - blank);
    if (u == item.label_count) return;
    const std::int32_t k = item.labels[u];
    const Number share = narrowed(lattice.label.template load<Number>(u));
    row[k] = limited(both * share[0] - label);
  }
};

}  // namespace perdita::kernels
